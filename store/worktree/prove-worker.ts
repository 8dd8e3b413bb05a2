import { workerData } from "node:worker_threads";
import { NEXT, RowProver, type SharedPass } from "./prove-rows.js";

const pass = workerData as SharedPass;

// A thread of its own, started by store/worktree/prove-stats.ts. It takes pieces from the same counter as the thread that started it,
// which does again what this one took and did not finish.
if (Atomics.load(pass.progress, NEXT) < pass.pieces.length) new RowProver(pass).work(() => false);
