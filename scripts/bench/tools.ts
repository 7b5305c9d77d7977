/** Which programs are installed on this machine. */

/** What some contestants need, by the name of the program or of Debian's package. */
export type Tool =
  | "rsync"
  | "aria2c"
  | "opentracker"
  | "openssl"
  | "wrk"
  | "python3-libtorrent"
  | "unison"
  | "sshd"
  | "nginx"
  | "lftp"
  | "wget"
  | "syncthing";

/** The Python that Debian's python3-libtorrent belongs to, and the one that is found first. */
const PYTHONS = ["/usr/bin/python3", "python3"];

/** Those of the tools that are not installed. */
export async function findMissing(tools: readonly Tool[]): Promise<Tool[]> {
  const installed = await Promise.all(tools.map(isInstalled));
  return tools.filter((_, index) => !installed[index]);
}

/** A Python that has libtorrent. Throws when there is none. */
export async function pythonWithLibtorrent(): Promise<string> {
  for (const python of PYTHONS) {
    if (await succeeds([python, "-c", "import libtorrent"])) return python;
  }
  throw new Error("Cannot run libtorrent: python3-libtorrent is not installed");
}

async function isInstalled(tool: Tool): Promise<boolean> {
  if (tool !== "python3-libtorrent") return await succeeds(["sh", "-c", 'command -v "$0"', tool]);
  return await pythonWithLibtorrent().then(() => true, () => false);
}

async function succeeds([program, ...args]: readonly string[]): Promise<boolean> {
  try {
    const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
    return (await new Deno.Command(program!, { args, ...quiet }).output()).success;
  } catch {
    return false;
  }
}
