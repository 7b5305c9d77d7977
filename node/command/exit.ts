/** How a command that has said all it has to say ends the process with another code than 0. */

export class Exit extends Error {
  override readonly name = "Exit";
  constructor(readonly code: 0 | 1) {
    super(`exit ${code}`);
  }
}
