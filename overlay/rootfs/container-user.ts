import { VarveError } from "../../core/errors.js";

/** Who a container's process runs as. */
export interface ContainerUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, each once. */
  readonly groups: readonly number[];
  readonly home: string;
}

/** The texts of the container's own /etc/passwd and /etc/group; empty when it has none. */
export interface UserDatabase {
  readonly passwd: string;
  readonly group: string;
}

/** The kernel has twice as many, but runc takes no others: maxID of github.com/moby/sys/user. */
const HIGHEST_ID = 2_147_483_647;

/**
 * Reads docker's `user[:group]`, names or decimal numbers. Nothing means root. With no group, the user's own from /etc/passwd
 * and those of /etc/group that list the user; with one, that one alone.
 *
 * @throws VarveError RUNTIME_FAILED for a name that the container does not know, or text of another form.
 */
export function resolveUser(text: string, { passwd, group }: UserDatabase): ContainerUser {
  if (text === "") return resolveUser("0", { passwd, group });
  const parts = text.split(":");
  const [user = "", groupName] = parts;
  if (parts.length > 2 || user === "" || groupName === "") throw refused(text, "expected user or user:group");
  const account = findAccount(user, passwd, text);
  if (groupName !== undefined) return { ...account, gid: findGroup(groupName, group, text), groups: [] };
  return { ...account, groups: groupsOf(account.name, group) };
}

/** Numbers of groups that are given by name or number. @throws VarveError RUNTIME_FAILED for a name that the container does not know. */
export function resolveGroups(names: readonly string[], { group }: UserDatabase): readonly number[] {
  return names.map((name) => {
    const id = parseId(name) ?? idOfGroup(name, group);
    if (id !== undefined) return id;
    throw new VarveError(
      "RUNTIME_FAILED",
      `Cannot give the process the group "${name}": the container's /etc/group has no such group`,
      {
        hint: `Give a name that it has, or a number from 0 to ${HIGHEST_ID}.`,
      },
    );
  });
}

interface Account {
  /** Absent for a number that /etc/passwd does not have. */
  readonly name: string | undefined;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

function findAccount(user: string, passwd: string, text: string): Account {
  const number = parseId(user);
  for (const [name, , uid, gid, , home] of rows(passwd)) {
    const found = { name, uid: parseId(uid), gid: parseId(gid), home: home || "/" };
    if (found.uid === undefined || found.gid === undefined) continue;
    if (number === undefined ? name === user : found.uid === number) return { ...found, uid: found.uid, gid: found.gid };
  }
  if (number === undefined) throw unknown(text, "passwd", user, hasRow(passwd, user));
  return { name: undefined, uid: number, gid: 0, home: "/" };
}

function findGroup(group: string, database: string, text: string): number {
  const id = parseId(group) ?? idOfGroup(group, database);
  if (id !== undefined) return id;
  throw unknown(text, "group", group, hasRow(database, group));
}

function idOfGroup(group: string, database: string): number | undefined {
  for (const [name, , gid] of rows(database)) {
    const id = parseId(gid);
    if (name === group && id !== undefined) return id;
  }
  return undefined;
}

function groupsOf(user: string | undefined, database: string): readonly number[] {
  const groups = new Set<number>();
  for (const [, , gid, members = ""] of user === undefined ? [] : rows(database)) {
    const id = parseId(gid);
    if (id !== undefined && `,${members},`.includes(`,${user!},`)) groups.add(id);
  }
  return [...groups];
}

/** Of a line of /etc/passwd. What an image has may be long, so that nothing is taken apart that nobody looks at. */
const MOST_FIELDS = 7;

function* rows(database: string): Generator<readonly string[]> {
  for (let start = 0; start < database.length;) {
    const newline = database.indexOf("\n", start);
    const line = database.slice(start, newline === -1 ? undefined : newline);
    if (line !== "" && !line.startsWith("#")) yield line.split(":", MOST_FIELDS);
    start += line.length + 1;
  }
}

/** Decimal digits alone: `0x0`, `+0`, ` 1` and `01` are names, and no container has them. */
function parseId(text: string | undefined): number | undefined {
  if (text === undefined || !/^(0|[1-9][0-9]{0,9})$/.test(text)) return undefined;
  const number = Number(text);
  return number <= HIGHEST_ID ? number : undefined;
}

function hasRow(database: string, wanted: string): boolean {
  for (const [name] of rows(database)) if (name === wanted) return true;
  return false;
}

function unknown(text: string, file: string, name: string, isListed: boolean): VarveError {
  if (/^[1-9][0-9]*$/.test(name)) return refused(text, `${name} is too high a number`);
  const who = `${file === "passwd" ? "user" : "group"} "${name}"`;
  return refused(text, isListed ? `its /etc/${file} gives ${who} no number that can be used` : `its /etc/${file} has no ${who}`);
}

function refused(text: string, state: string): VarveError {
  return new VarveError("RUNTIME_FAILED", `Cannot run as user "${text}" in the container: ${state}`, {
    hint: `Give a name that the container's own /etc/passwd has, or numbers from 0 to ${HIGHEST_ID}.`,
  });
}
