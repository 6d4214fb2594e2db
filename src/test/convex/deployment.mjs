// One Convex deployment: the functions and schema of conf/convex in convex-test, behind the HTTP API that Convex has.

import { AsyncLocalStorage } from "node:async_hooks";
import { createServer } from "node:http";
import { convexTest } from "convex-test";
import { internalQueryGeneric, makeFunctionReference } from "convex/server";
import { convexToJson, getConvexSize, jsonToConvex } from "convex/values";
import * as bytes from "../../../conf/convex/functions/bytes";
import * as contents from "../../../conf/convex/functions/contents";
import * as erasure from "../../../conf/convex/functions/erasure";
import * as profiles from "../../../conf/convex/functions/profiles";
import schema from "../../../conf/convex/functions/schema";
import * as sessions from "../../../conf/convex/functions/sessions";
import * as store from "../../../conf/convex/functions/store";
import { checkArguments, checkDocument, checkResult, REQUEST_BYTES, shapeOf, TRANSACTION } from "./limits.mjs";

const FUNCTIONS = { bytes, contents, erasure, profiles, sessions, store };
const TYPES = { query: "isQuery", mutation: "isMutation", action: "isAction" };

const SETTLING_INTERVAL_MS = 10;

class HttpError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.body = { code, message };
  }
}

/** The deployment whose function runs. */
const running = new AsyncLocalStorage();

const PATCH = "1.0/shallowMerge";
const WRITES = new Set(["1.0/insert", "1.0/replace", PATCH]);

/** Every access to a document goes through here, whichever deployment it is in: writes are checked, and all are counted. */
function watchDocuments() {
  const convex = globalThis.Convex;
  globalThis.Convex = {
    get syscall() {
      return convex.syscall;
    },
    get jsSyscall() {
      return convex.jsSyscall;
    },
    get asyncSyscall() {
      const original = convex.asyncSyscall;
      return async (operation, json) => {
        const answer = await original(operation, json);
        const usage = running.getStore()?.usage;
        if (WRITES.has(operation)) {
          const { table, id, value } = JSON.parse(json);
          const document = shapeOf(
            operation === PATCH ? JSON.parse(await original("1.0/get", JSON.stringify({ table, id }))) : value,
          );
          checkDocument(document);
          if (usage !== undefined) {
            usage.documentsWritten++;
            usage.bytesWritten += getConvexSize(document);
          }
        } else if (usage !== undefined && operation === "1.0/queryStreamNext") {
          usage.documentsRead += answer.startsWith('{"done":true') ? 0 : 1;
        }
        return answer;
      };
    },
  };
}

export class Deployment {
  #test = convexTest({
    schema,
    modules: {
      "./_generated/api.js": async () => ({}),
      ...Object.fromEntries(Object.keys(FUNCTIONS).map((name) => [`./${name}.ts`, async () => this.#functions[name]])),
    },
    transactionLimits: TRANSACTION,
  });
  #key;
  #functions = FUNCTIONS;
  #faults = [];
  #late = [];
  usage = { calls: 0, documentsRead: 0, documentsWritten: 0, bytesWritten: 0 };
  #server = createServer((request, response) => this.#serve(request, response));

  static #watching = false;

  constructor(key) {
    this.#key = key;
    this.#server.keepAliveTimeout = 0;
    if (!Deployment.#watching) {
      watchDocuments();
      Deployment.#watching = true;
    }
  }

  /** Gives the port. */
  listen() {
    return new Promise((resolve) => this.#server.listen(0, "127.0.0.1", () => resolve(this.#server.address().port)));
  }

  close() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /**
   * What calls meet, after so many that meet nothing: an answer of that status and code, or no answer at all (status 0). The function runs
   * "never", "before" the answer, or when it is asked for, "late".
   */
  meet({ skip, times, status, code, runs }) {
    for (let i = 0; i < skip + times; i++) {
      this.#faults.push(i < skip ? undefined : { status, code, runs });
    }
  }

  recover() {
    this.#faults = [];
  }

  /** Runs what is late. */
  async doLate() {
    for (const call of this.#late.splice(0)) {
      await call();
    }
  }

  /** As if the functions of another version had been deployed, or none (null). */
  deploy({ version }) {
    const store = { version: internalQueryGeneric({ args: {}, handler: async () => version }) };
    this.#functions = version === null ? {} : { ...FUNCTIONS, store };
  }

  /** Puts documents into a table, past the functions. Gives their ids. */
  async insert({ table, documents }) {
    return await this.#test.run(async (ctx) => {
      const ids = [];
      for (const document of documents) {
        ids.push(await ctx.db.insert(table, jsonToConvex(document)));
      }
      return ids;
    });
  }

  /** Waits until everything that was scheduled has run, and sees to it that none of it failed. */
  async settle() {
    let open;
    do {
      await new Promise((resolve) => setTimeout(resolve, SETTLING_INTERVAL_MS));
      const scheduled = await this.#test.run((ctx) => ctx.db.system.query("_scheduled_functions").collect());
      if (scheduled.some(({ state }) => state.kind === "failed")) {
        throw new Error("a scheduled function has failed");
      }
      open = scheduled.filter(({ state }) => state.kind !== "success").length;
    } while (open > 0);
  }

  /** What was done so far, and how many documents each table has. */
  async state() {
    const documents = await this.#test.run(async (ctx) => {
      const counts = {};
      for (const table of Object.keys(schema.tables)) {
        counts[table] = await ctx.db.query(table).count();
      }
      return counts;
    });
    return { usage: this.usage, documents };
  }

  async #serve(request, response) {
    try {
      const body = await bodyOf(request);
      const fault = this.#faults.shift();
      this.usage.calls++;
      if (fault?.runs === "late") {
        this.#late.push(() => this.#answer(request, body));
      } else if (fault === undefined || fault.runs === "before") {
        const answer = await this.#answer(request, body);
        if (fault === undefined) {
          send(response, 200, answer);
          return;
        }
      }
      if (fault.status === 0) {
        request.socket.destroy();
      } else {
        send(response, fault.status, { code: fault.code, message: "An injected fault" });
      }
    } catch (error) {
      send(response, error.status ?? 500, error.body ?? { code: "InternalServerError", message: String(error) });
    }
  }

  async #answer(request, body) {
    const [, api, type, ...rest] = request.url.split("/");
    if (request.method !== "POST" || api !== "api" || !(type in TYPES) || rest.length > 0) {
      throw new HttpError(404, "NotFound", "There is nothing at this path");
    }
    const admin = this.#authenticate(request.headers.authorization);
    const { path, args, format } = parse(body);
    if (format !== "convex_encoded_json") {
      throw new HttpError(400, "BadFormat", "This stand-in answers in the format of Convex's own client only");
    }
    try {
      const value = jsonToConvex(Array.isArray(args) ? args[0] : args);
      checkArguments(value);
      this.#requireFunction(path, type, admin);
      const result = await running.run(this, () => this.#test[type](makeFunctionReference(path), value));
      checkResult(result);
      return { status: "success", value: convexToJson(result), logLines: [] };
    } catch (error) {
      return {
        status: "error",
        errorMessage: `[Request ID: 0] Server Error\nUncaught ${error}`,
        ...(error.data === undefined ? {} : { errorData: convexToJson(error.data) }),
        logLines: [],
      };
    }
  }

  /** Whether the caller is an admin. */
  #authenticate(header) {
    if (header === undefined) {
      return false;
    }
    const [, scheme, key] = /^(Convex|Bearer) (.*)$/i.exec(header) ?? [];
    if (scheme === undefined) {
      throw new HttpError(400, "InvalidAdminKey", "Invalid admin key");
    }
    if (scheme.toLowerCase() !== "convex" || key !== this.#key) {
      throw new HttpError(401, "BadAdminKey", "The provided admin key was invalid for this instance");
    }
    return true;
  }

  #requireFunction(path, type, admin) {
    const [module, name] = path.split(":");
    const found = this.#functions[module]?.[name];
    if (found === undefined || typeof found.exportArgs !== "function" || !(found.isPublic || admin)) {
      throw new Error(`Could not find public function for '${path}'. Did you forget to run \`npx convex dev\` or \`npx convex deploy\`?`);
    }
    if (!found[TYPES[type]]) {
      throw new Error(`Trying to execute ${path} as ${type}, but it is defined otherwise.`);
    }
  }
}

function parse(body) {
  let request;
  try {
    request = JSON.parse(body);
  } catch (error) {
    throw new HttpError(400, "BadJsonBody", "Failed to parse the request body as JSON");
  }
  if (typeof request.path !== "string" || request.args === undefined) {
    throw new HttpError(400, "BadJsonBody", "Failed to deserialize the JSON body into the target type");
  }
  return request;
}

async function bodyOf(request) {
  const parts = [];
  let length = 0;
  for await (const part of request) {
    length += part.length;
    if (length > REQUEST_BYTES) {
      throw new HttpError(413, "RequestTooLarge", "length limit exceeded");
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function send(response, status, body) {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(body));
}
