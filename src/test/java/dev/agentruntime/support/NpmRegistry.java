package dev.agentruntime.support;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A registry of npm packages on loopback, as a company may have one of its own. */
public final class NpmRegistry implements AutoCloseable {

  private static final long PATIENCE_SECONDS = 60;

  private final HttpServer server;
  private final Map<String, JsonObject> packages = new ConcurrentHashMap<>();
  private final Map<String, Path> archives = new ConcurrentHashMap<>();

  private NpmRegistry(Vertx vertx) {
    server = vertx.createHttpServer().requestHandler(this::handle);
  }

  public static NpmRegistry start(Vertx vertx) throws Exception {
    var registry = new NpmRegistry(vertx);
    registry.server.listen(0, "127.0.0.1").await(PATIENCE_SECONDS, TimeUnit.SECONDS);
    return registry;
  }

  public String url() {
    return "http://127.0.0.1:" + server.actualPort() + "/";
  }

  /**
   * Offers what lies in a folder.
   *
   * @param folder with the package's files but {@code package.json}, which is written
   * @param program the file that is the package's program; begins with {@code #!}
   */
  public void publish(Path folder, String name, String version, String program) throws IOException, InterruptedException {
    JsonObject about = new JsonObject().put("name", name).put("version", version).put("bin", new JsonObject().put(name, program));
    Files.writeString(folder.resolve("package.json"), about.encode());
    Process pack = new ProcessBuilder("npm", "pack", "--ignore-scripts", "--loglevel=error").directory(folder.toFile())
        .redirectErrorStream(true).redirectOutput(folder.resolve("npm.log").toFile()).start();
    assertThat(pack.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    assertThat(pack.exitValue()).as(Files.readString(folder.resolve("npm.log"))).isZero();
    String archive = name + "-" + version + ".tgz";
    archives.put("/" + archive, folder.resolve(archive));
    about.put("dist", new JsonObject().put("tarball", url() + archive));
    packages.put("/" + name, new JsonObject().put("name", name).put("dist-tags", new JsonObject().put("latest", version))
        .put("versions", new JsonObject().put(version, about)));
  }

  private void handle(HttpServerRequest request) {
    if (archives.containsKey(request.path())) {
      request.response().sendFile(archives.get(request.path()).toString());
    } else if (packages.containsKey(request.path())) {
      request.response().putHeader("content-type", "application/json").end(packages.get(request.path()).toBuffer());
    } else {
      request.response().setStatusCode(404).end();
    }
  }

  @Override
  public void close() throws TimeoutException {
    server.close().await(PATIENCE_SECONDS, TimeUnit.SECONDS);
  }
}
