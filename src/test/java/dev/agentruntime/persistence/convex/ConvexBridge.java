package dev.agentruntime.persistence.convex;

import static org.assertj.core.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.support.Npm;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Convex deployments to test with: the functions and schema of {@code conf/convex} in Convex's own test runtime, the npm package {@code
 * convex-test}, behind the HTTP API that Convex has ({@code src/test/convex}). One process of Node for all tests; it ends with this one,
 * however that ends, for its standard input is a pipe from here.
 *
 * <p>The packages are installed from npm once per build ({@code target/convex}). Where npm is missing a test is skipped and says so; with
 * {@code -Dconvex.required=true} it fails.
 */
final class ConvexBridge {

  /** What all deployments run in. Who suspends it waits for the tests beside it that use it. */
  static final String PROCESS = "the process of all Convex deployments";

  private static final Path FOLDER = Path.of("target", "convex").toAbsolutePath();
  private static final List<String> PACKAGES = List.of("convex@1.45.0", "convex-test@0.0.70", "typescript@5.9.3");
  /** For calls of the tests. */
  static final long TIMEOUT_MS = 30_000;

  private static final long PATIENCE_MINUTES = 5;
  private static final HttpClient HTTP = HttpClient.newHttpClient();
  private static URI orders;
  private static Process process;

  private ConvexBridge() {}

  /** What the functions have done so far. Of a document that was patched all bytes count. */
  record Usage(int calls, int documentsRead, int documentsWritten, long bytesWritten) {
    Usage since(Usage before) {
      return new Usage(calls - before.calls, documentsRead - before.documentsRead, documentsWritten - before.documentsWritten,
          bytesWritten - before.bytesWritten);
    }
  }

  /** A deployment of its own, empty at first. */
  record Deployment(URI url, String key) implements AutoCloseable {

    /** So many of the next calls are answered like this, without running the function. */
    void refuse(int times, int status, String code) {
      meet(0, times, status, code, "never");
    }

    /** No call meets anything any more. */
    void recover() {
      order("DELETE", "faults", null);
    }

    /** The answer of a call is lost, though the function runs. @param calls that come through before it */
    void loseAnswer(int calls) {
      meet(calls, 1, 0, "", "before");
    }

    /** A call has no answer, and its function runs when {@link #doLate} says so. @param calls that come through before it */
    void delay(int calls) {
      meet(calls, 1, 0, "", "late");
    }

    void doLate() {
      order("POST", "late", null);
    }

    private void meet(int skip, int times, int status, String code, String runs) {
      order("POST", "faults",
          Json.object().put("skip", skip).put("times", times).put("status", status).put("code", code).put("runs", runs));
    }

    /** As if the functions of another version had been deployed, or none: {@code null}. */
    void deploy(Integer version) {
      order("POST", "functions", Json.object().put("version", version));
    }

    /** Puts documents into a table, past the functions. @return their ids */
    List<String> insert(String table, List<? extends JsonNode> documents) {
      ObjectNode order = Json.object().put("table", table);
      order.putArray("documents").addAll(documents);
      List<String> ids = new ArrayList<>();
      order("POST", "documents", order).forEach(id -> ids.add(id.asText()));
      return ids;
    }

    /** Waits until all that the functions have scheduled is done. */
    void settle() {
      order("GET", "settled", null);
    }

    /** How many documents there are in a table. */
    int documents(String table) {
      return order("GET", "state", null).path("documents").path(table).asInt();
    }

    Usage usage() {
      return Json.to(order("GET", "state", null).path("usage"), Usage.class);
    }

    @Override
    public void close() {
      order("DELETE", "", null);
    }

    private JsonNode order(String method, String what, JsonNode body) {
      return ConvexBridge.order(method, "/" + url.getPort() + "/" + what, body);
    }
  }

  static synchronized Deployment deploy() {
    start();
    JsonNode made = order("POST", "/deployments", null);
    return new Deployment(URI.create("http://127.0.0.1:" + made.path("port").asInt()), made.path("key").asText());
  }

  /** Suspends all deployments, so that they take connections and never answer ({@code STOP}), or lets them go on ({@code CONT}). */
  static synchronized void signal(String name) throws IOException {
    run(List.of("kill", "-" + name, Long.toString(process.pid())));
  }

  /** Where the packages are, {@code node_modules/.bin} included. */
  static synchronized Path packages() {
    Npm.require("convex.required", "Convex's test runtime could not be installed and the Convex store was not tested");
    Path installed = FOLDER.resolve("installed-" + String.join("-", PACKAGES).replace('@', '-'));
    if (Files.notExists(installed)) {
      List<String> install = new ArrayList<>(List.of("npm", "install", "--prefix", FOLDER.toString(), "--ignore-scripts", "--no-audit",
          "--no-fund", "--loglevel=error"));
      install.addAll(PACKAGES);
      try {
        Files.createDirectories(FOLDER);
        run(install);
        Files.createFile(installed);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return FOLDER.resolve("node_modules");
  }

  private static void start() {
    Path packages = packages();
    if (process != null && process.isAlive()) {
      return;
    }
    Path bundle = FOLDER.resolve("bridge.mjs");
    try {
      run(List.of(packages.resolve(".bin/esbuild").toString(), "src/test/convex/bridge.mjs", "--bundle", "--platform=node", "--format=esm",
          "--log-level=warning", "--outfile=" + bundle));
      process = new ProcessBuilder("node", bundle.toString()).redirectError(ProcessBuilder.Redirect.INHERIT).start();
      BufferedReader output = process.inputReader(StandardCharsets.UTF_8);
      orders = URI.create("http://127.0.0.1:" + output.readLine());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Runs a tool in the project's folder, with the packages where esbuild looks for them. */
  static void run(List<String> command) throws IOException {
    Path log = Files.createTempFile("convex", ".log");
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile())
        .redirectInput(new File("/dev/null"));
    builder.environment().put("NODE_PATH", FOLDER.resolve("node_modules").toString());
    Process tool = builder.start();
    try {
      if (!tool.waitFor(PATIENCE_MINUTES, TimeUnit.MINUTES) || tool.exitValue() != 0) {
        fail(String.join(" ", command) + " failed:\n" + Files.readString(log));
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    } finally {
      tool.descendants().forEach(ProcessHandle::destroyForcibly);
      tool.destroyForcibly();
      Files.delete(log);
    }
  }

  private static JsonNode order(String method, String path, JsonNode body) {
    HttpRequest.BodyPublisher publisher = body == null
        ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofByteArray(Json.bytes(body));
    try {
      HttpResponse<String> answer = HTTP.send(HttpRequest.newBuilder(orders.resolve(path)).method(method, publisher).build(),
          HttpResponse.BodyHandlers.ofString());
      if (answer.statusCode() != 200) {
        throw new AssertionError(answer.body());
      }
      return Json.tree(answer.body());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
