import test from "ava";
import { memoryOperationLog } from "../../../store/memory/memory-operation-log.js";
import { operationLogContract } from "../../contracts/operation-log-contract.js";

operationLogContract(test, "memory operation log", memoryOperationLog);
