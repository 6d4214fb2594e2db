// Convex deployments for the tests, in one process that lives as long as its standard input is open. It prints the port at which it takes
// orders, as HTTP: POST /deployments, and about one of them, by its own port, those of the switch below.

import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { Deployment } from "./deployment.mjs";

const deployments = new Map();

async function obey(method, url, order) {
  if (method === "POST" && url === "/deployments") {
    const key = `prod:fake-deployment-${deployments.size}|${randomUUID()}`;
    const deployment = new Deployment(key);
    const port = await deployment.listen();
    deployments.set(String(port), deployment);
    return { port, key };
  }
  const [, port, part] = url.split("/");
  const deployment = deployments.get(port);
  switch (`${method} ${part ?? ""}`) {
    case "POST faults":
      return deployment.meet(order);
    case "DELETE faults":
      return deployment.recover();
    case "POST late":
      return await deployment.doLate();
    case "POST functions":
      return deployment.deploy(order);
    case "POST documents":
      return await deployment.insert(order);
    case "GET settled":
      return await deployment.settle();
    case "GET state":
      return await deployment.state();
    case "DELETE ":
      deployments.delete(port);
      return deployment.close();
    default:
      throw new Error(`no such order: ${method} ${url}`);
  }
}

const orders = createServer(async (request, response) => {
  let body = "";
  for await (const part of request) {
    body += part;
  }
  try {
    const answer = await obey(request.method, request.url, body === "" ? undefined : JSON.parse(body));
    response.end(JSON.stringify(answer ?? null));
  } catch (error) {
    response.statusCode = 500;
    response.end(String(error));
  }
});

// Closed by whoever has opened them: a request on a connection that is just being closed has no answer.
orders.keepAliveTimeout = 0;
orders.listen(0, "127.0.0.1", () => console.log(orders.address().port));
process.stdin.resume();
process.stdin.on("end", () => process.exit());
