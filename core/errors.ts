/**
 * Every way in which varve fails, for scripts: a code never changes its meaning.
 * What each one says to a person stands in docs/errors.md, its exit status in cli/exit-status.ts.
 */
export type ErrorCode =
  | "USAGE" // the command line can't be read: unknown command, option or form
  | "STORE_MISSING" // no store where one is needed
  | "STORE_EXISTS" // init where a store stands
  | "STORE_FORMAT" // a store of an unknown format number
  | "STORE_LOCKED" // another process holds the store's lock
  | "STORE_DAMAGED" // the store contradicts itself: a corrupt commit, ref or record
  | "LAYER_CORRUPT" // layer images that are missing, or not what their ids or digests say
  | "BAD_ID" // text that is no id of the wanted kind
  | "BAD_NAME" // a name that a branch, tag or container can't have
  | "REVISION_UNKNOWN" // no commit by that name
  | "REVISION_AMBIGUOUS" // several commits by that prefix
  | "PATH_MISSING" // no such path in that tree, or on this machine to write to
  | "WRONG_TYPE" // a path of another type than the command needs
  | "TARGET_UNKNOWN" // no such container or tracked directory
  | "OPERATION_UNKNOWN" // no operation by that id
  | "NOT_MOUNTED" // no commit is mounted there
  | "UNRELATED_HISTORIES" // two commits without a common ancestor
  | "NAME_TAKEN" // a container, branch or tag of that name exists
  | "BRANCH_BUSY" // a container or directory stands on that branch
  | "CONTAINER_RUNNING" // the container must be stopped first
  | "CONTAINER_STOPPED" // the container must run first
  | "NOTHING_TO_COMMIT" // the tree equals HEAD
  | "NOTHING_TO_UNDO" // the operation log is empty or what it names can't be undone
  | "ADDRESS_TAKEN" // a port, an address or a subnet that another one uses
  | "CONFLICT" // what stands there has changed meanwhile, and would be lost
  | "SOURCE_MISSING" // an import's source, or a file of it, is not there
  | "SOURCE_CHANGED" // a source changed while it was read, again and again
  | "SOURCE_UNREADABLE" // a file or directory that may not be read
  | "SOURCE_INVALID" // a source whose bytes break their format
  | "UNSUPPORTED" // a property that the target can't hold
  | "IN_PROGRESS" // a merge, rebase or bisection was begun and is not ended
  | "NOTHING_IN_PROGRESS" // none was begun
  | "CONTRADICTION" // what a bisection was told of commits can't all be true
  | "MERGE_BASE_BAD" // what the good and the bad commit of a bisection come from is bad: something was mended on the good side
  | "BISECT_ABORTED" // the command of a bisection says nothing of the commits
  | "DESTINATION_NOT_EMPTY" // checkout into a directory with entries
  | "PERMISSION" // the system said EACCES, EPERM or EROFS
  | "DISK_FULL" // ENOSPC, EDQUOT
  | "IO" // any other failure of the system
  | "RUNTIME_MISSING" // no OCI runtime that can start a process
  | "RUNTIME_FAILED" // the OCI runtime failed before the process ran
  | "MOUNT_UNAVAILABLE" // the kernel, or the lack of a privilege, forbids the mount
  | "NAMESPACE_NEEDED" // the command has to start anew in a user namespace
  | "COMMAND_NOT_EXECUTABLE" // the process's file is no program (126)
  | "COMMAND_NOT_FOUND" // the process's file is not there (127)
  | "VOLUME_BUSY" // a container has the volume
  | "REGISTRY_UNREACHABLE" // a registry that can't be spoken to, or asks to wait for too long
  | "REGISTRY_DENIED" // a registry that wants other credentials, or none of ours
  | "REGISTRY_INVALID" // an answer of a registry that breaks the protocol, or is not what it should be
  | "IMAGE_UNKNOWN" // no such image, tag, manifest or blob in a registry
  | "INTERRUPTED" // a signal ended it (130)
  | "BUG"; // ours

export interface ErrorContext {
  /** The path that it is about, for people: lossy text is fine. */
  readonly path?: string | undefined;
  /** One or two sentences that say what to do. */
  readonly hint?: string | undefined;
  /** LAYER_CORRUPT: ids of the damaged layers, and of those that borrow from them. */
  readonly layers?: readonly string[] | undefined;
  readonly cause?: unknown;
}

/** The one error class. Messages have the form `Cannot <verb> <object>: <state, wanted state>`, without a full stop. */
export class VarveError extends Error {
  override readonly name = "VarveError";
  readonly code: ErrorCode;
  readonly path: string | undefined;
  readonly hint: string | undefined;
  readonly layers: readonly string[];

  constructor(code: ErrorCode, message: string, { path, hint, layers = [], cause }: ErrorContext = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.path = path;
    this.hint = hint;
    this.layers = layers;
  }
}

const OUT_OF_RESOURCES = ["EMFILE", "ENFILE", "ENOMEM"];

/** Whether a failure tells of this process or machine, and nothing of what was read. */
export function isOutOfResources({ cause }: VarveError): boolean {
  return OUT_OF_RESOURCES.includes(String((cause as { code?: unknown } | undefined)?.code));
}
