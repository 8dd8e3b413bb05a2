import test from "ava";
import { memoryHistory } from "../../../store/memory/memory-history.js";
import { historyContract } from "../../contracts/history-contract.js";

historyContract(test, "memory history", memoryHistory);
