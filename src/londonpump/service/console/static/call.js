// @ts-check
import {} from "./live.js";
