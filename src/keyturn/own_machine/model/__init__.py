"""What an owner's machine holds: keys, the names of their secrets, the files of the AWS SDKs."""
