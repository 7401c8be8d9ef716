"""How: the files of the AWS SDKs, and the two calls of AWS."""
