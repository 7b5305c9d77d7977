/** Names of users: the one place that decides which may become the name of a folder on the server. */

/** Letters, digits, `.`, `_` and `-`, 1 to 64 of them, no dot in front: so never `..`, nor hidden. */
const USER_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/;

/** Why `name` cannot be a user's, or `undefined` when it can. */
export function userNameProblem(name: string): string | undefined {
  if (USER_NAME.test(name)) return undefined;
  return "a user's name has 1 to 64 letters, digits, dots, underscores and hyphens, and no dot in front";
}
