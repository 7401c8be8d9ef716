// What notices, states and steps are called.

import { day } from "./data";

const STEPS: [string, string][] = [
  ["upcoming", "Warned: it will be rotated on {day}"],
  ["before-disable", "Reminded: it stops working on {day}"],
  ["disable", "Notified: it stops working on {day}"],
  ["before-delete", "Reminded: it is deleted on {day}"],
  ["deleted", "Notified: it was deleted"],
  ["delete", "Notified: it is deleted on {day}"],
  ["restored", "Notified: it was enabled again"],
  ["blocked", "Notified: it has to wait"],
  ["overwritten", "Notified: the secret no longer holds the new key"],
  ["orphan", "Notified of a key whose secret was never stored"],
  ["revoked", "Notified: it was revoked"],
  ["deferred", "Notified: it has more time"],
  ["exemption-ends", "Notified: its user is exempt until {day}"],
  ["exemption-over", "Notified: its user is exempt no more"],
];

export function stepInWords(step: string, about: number): string {
  const found = STEPS.find(([start]) => step.startsWith(start));
  return found ? found[1].replace("{day}", day(about)) : `Notified: ${step.replace(/-/g, " ")}`;
}

export const FATES = ["accepted", "delivered", "not delivered", "came back: it proves nothing"];

const ACTIONS: Record<string, string> = {
  ROTATE: "Rotate",
  DISABLE: "Disable",
  DELETE: "Delete",
  WARN: "Warn",
  NOTICE: "Notify",
  REPAIR: "Repair",
  "END-EXEMPTION": "End the exemption",
  RESTORE: "Restore",
  REVOKE: "Revoke",
  WAIT: "Wait",
  KEEP: "Keep",
};
export const DONE: Record<string, string> = {
  ROTATE: "Rotated",
  DISABLE: "Disabled",
  DELETE: "Deleted",
  REPAIR: "Repaired",
  "END-EXEMPTION": "Exemption ended",
  RESTORE: "Restored",
  REVOKE: "Revoked",
};

export function actionInWords(action: string): string {
  return ACTIONS[action] ?? action;
}

export const SOURCES: Record<string, string> = {
  "exemptions-file": "from the exemptions file",
  tag: "from the user's tag",
  "user-name": "from the user's name",
  "owners-file": "from the owners file",
  "security-contact": "the account's security contact",
  "operations-contact": "the account's operations contact",
  account: "the account's address",
  admin: "the administrators, for no other source has an address",
};

export const STATE_WORDS: Record<string, string> = {
  ACTIVE: "Active",
  ROTATED: "Replaced",
  DISABLED: "Disabled",
  DELETED: "Deleted",
  GONE: "Gone",
};
export const STATE_MEANS: Record<string, string> = {
  ACTIVE: "It works, and no newer key of its user was made in its place.",
  ROTATED: "It still works, beside the key that was made in its place.",
  DISABLED: "It is Inactive: it does not work, and can be enabled again.",
  DELETED: "A run has deleted it.",
  GONE: "It is not there any more, and no run deleted it.",
};
