package dev.agentruntime;

import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.ScriptedModel;
import dev.agentruntime.support.TestServer;
import dev.agentruntime.support.modal.FakeModal;
import io.vertx.core.Vertx;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A server with its sandboxes on a fake of Modal, and a scripted model, new for each test; in the end no sandbox may be left. */
abstract class ModalServerRig {

  @TempDir
  Path directory;

  final Vertx vertx = Vertx.vertx();
  FakeModal modal;
  ScriptedModel model;
  TestServer server;

  @BeforeEach
  void startServer() throws Exception {
    modal = FakeModal.start(directory.resolve("modal"));
    model = ScriptedModel.start(vertx);
    Map<String, String> settings = new HashMap<>(modal.settings());
    settings.put("ANTHROPIC_API_KEY", "sk-scripted");
    settings.put("ANTHROPIC_BASE_URL", model.baseUrl());
    server = TestServer.start(directory.resolve("data"), settings);
  }

  @AfterEach
  void stopServer() throws Exception {
    server.runtime.unloadAll();
    SandboxTraces.await(() -> modal.alive().isEmpty(), () -> "left: " + modal.alive());
    server.close();
    modal.close();
    model.close();
    vertx.close().await(10, TimeUnit.SECONDS);
  }
}
