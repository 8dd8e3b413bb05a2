import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { crc32 } from "node:zlib";
import type { CommitId, LayerId, RefName, TreeId } from "../../core/model/ids.js";
import { formatContainer, parseContainer } from "../../overlay/containers/stored-container.js";
import {
  decodeConfig,
  decodeLayerRecord,
  decodeOrigin,
  encodeConfig,
  encodeLayerRecord,
  encodeOrigin,
} from "../../store/git/commit-files.js";
import { fileOperationLog } from "../../store/operation-log/file-operation-log.js";
import { encodeOperation } from "../../store/operation-log/operation-record.js";
import { storeLayout } from "../../store/store-layout.js";
import type { FuzzTarget, Outcome } from "./fuzz-target.js";
import { hold } from "./fuzz-target.js";
import { mutateBytes } from "./mutate-bytes.js";
import { mutateJson } from "./mutate-json.js";
import type { Random } from "./random.js";

const COMMIT = "1".repeat(40) as CommitId;
const LAYER = "2".repeat(64) as LayerId;
const CONTAINER = "0123456789ab";
const RECORD = {
  id: CONTAINER,
  name: "box",
  branch: "refs/heads/box" as RefName,
  branchMadeAt: COMMIT,
  base: COMMIT,
  layers: [LAYER],
  created: "2001-02-03T04:05:06.000Z",
  configuration: {
    command: ["/bin/sh", "-c", "true"],
    environment: ["A=1"],
    workingDirectory: "/",
    user: "",
    hostname: "box",
    network: "none",
    terminal: false,
    interactive: false,
    readOnly: false,
    volumes: [{ source: "/srv", destination: "/srv", readOnly: true }],
    limits: { memoryBytes: 1 << 20, processes: 10, cpus: 1.5 },
  },
  exitCode: 0,
} as const;

/** A file that is one text. */
abstract class TextTarget implements FuzzTarget<Buffer> {
  abstract readonly name: string;
  abstract mutate(random: Random): Buffer;
  abstract execute(bytes: Buffer): Outcome | Promise<Outcome>;

  save(bytes: Buffer): { name: string; bytes: Buffer } {
    return { name: "", bytes };
  }

  load(_name: string, bytes: Buffer): Buffer {
    return bytes;
  }

  dispose(): void {
    // Nothing is kept.
  }
}

export class ContainerTarget extends TextTarget {
  readonly name = "container";

  mutate(random: Random): Buffer {
    return mutateJson(formatContainer({ record: RECORD, generation: 3 }), random);
  }

  execute(bytes: Buffer): Outcome {
    const stored = parseContainer(bytes.toString("utf8"), CONTAINER, "container.json");
    hold(formatContainer(parseContainer(formatContainer(stored), CONTAINER, "")) === formatContainer(stored), "one form");
    hold(stored.record.branch.startsWith("refs/") && !stored.record.branch.includes(".."), "a ref within the repository");
    return "read";
  }
}

/** `layer.json`, `config.json` and `origin.json`, told apart by the first byte. */
export class CommitTarget extends TextTarget {
  readonly name = "commit";
  readonly #seeds: readonly Buffer[] = [
    encodeLayerRecord({ layer: LAYER, tree: LAYER as string as TreeId, added: 1, modified: 2, deleted: 3, storedBytes: 8192 }),
    encodeConfig({ architecture: "amd64", config: { Cmd: ["/bin/sh"], Env: ["A=1"] }, rootfs: { diff_ids: [] } }),
    encodeOrigin({ command: ["make", "all"], exitCode: 0, durationMilliseconds: 12.5 }),
  ];

  mutate(random: Random): Buffer {
    const seed = random.below(this.#seeds.length);
    return Buffer.concat([Buffer.from([seed]), mutateJson(this.#seeds[seed]!.toString(), random)]);
  }

  execute(bytes: Buffer): Outcome {
    const decode = [decodeLayerRecord, decodeConfig, decodeOrigin][bytes[0] ?? 0] ?? decodeConfig;
    decode(bytes.subarray(1), COMMIT);
    return "read";
  }
}

/** An operation log whose lines have right checksums mostly. */
export class LogTarget extends TextTarget {
  readonly name = "log";
  readonly #root: string;
  readonly #log: ReturnType<typeof fileOperationLog>;
  readonly #file: string;

  constructor(scratch: string) {
    super();
    this.#root = mkdtempSync(path.join(scratch, "varve-fuzz-log-"));
    const layout = { ...storeLayout(this.#root), operationLog: path.join(this.#root, "log") };
    this.#log = fileOperationLog(layout);
    this.#file = layout.operationLog;
  }

  mutate(random: Random): Buffer {
    const lines = Array.from({ length: 1 + random.below(4) }, (_, index) => line(index, random));
    const whole = Buffer.concat(lines);
    return random.once(3) ? mutateBytes(whole, random) : whole;
  }

  async execute(bytes: Buffer): Promise<Outcome> {
    writeFileSync(this.#file, bytes);
    for await (const { id, refs, trees } of this.#log.list()) {
      hold(/^[0-9a-f]{12}$/.test(id), "an id");
      for (const { name, before, after } of refs) {
        hold(name.startsWith("refs/") && !name.includes(".."), "a ref within the repository");
        for (const commit of [before, after]) hold(commit === undefined || /^[0-9a-f]{40}$/.test(commit), "commit ids");
      }
      for (const { target } of trees) hold(target.kind !== "container" || /^[0-9a-f]{12}$/.test(target.id), "a container's id");
    }
    return "read";
  }

  override dispose(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}

function line(index: number, random: Random): Buffer {
  const target = index % 2 === 0 ? ({ kind: "directory" } as const) : ({ kind: "container", id: CONTAINER } as const);
  const sound = encodeOperation({
    id: "ab0123456789",
    time: "2001-02-03T04:05:06.000Z",
    command: "commit -m x",
    refs: [{ name: "refs/heads/main" as RefName, before: COMMIT, after: COMMIT }],
    trees: [{ target, before: COMMIT, after: COMMIT, ...(index % 2 === 1 && { container: RECORD }) }],
    head: { before: "refs/heads/main" as RefName, after: "refs/heads/other" as RefName },
  });
  if (random.once(3)) return sound;
  const json = mutateJson(sound.toString("utf8", 9), random);
  const text = json.subarray(0, json.at(-1) === 10 ? -1 : undefined);
  const checksum = crc32(text).toString(16).padStart(8, "0");
  return Buffer.concat([Buffer.from(`${checksum} `), text, Buffer.from("\n")]);
}
