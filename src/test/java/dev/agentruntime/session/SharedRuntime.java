package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;

import dev.agentruntime.support.Follower;
import dev.agentruntime.support.SandboxTraces;
import dev.agentruntime.support.TestRuntime;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** One runtime for all tests of a class, and for each a new session that is followed; in the end nothing of it may be left. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class SharedRuntime {

  @TempDir
  static Path directory;

  TestRuntime runtime;
  SandboxTraces traces;
  String session;
  Follower follower;

  /** As variables, over those of the tests. */
  Map<String, String> settings() throws Exception {
    return Map.of();
  }

  @BeforeAll
  void startRuntime() throws Exception {
    Path data = directory.resolve("data");
    runtime = TestRuntime.start(data, settings());
    traces = new SandboxTraces(data);
  }

  @AfterAll
  void stopRuntime() {
    runtime.close();
    traces.awaitNothing();
  }

  @BeforeEach
  void openSession() {
    open("demo");
  }

  /** Goes on with a new session. */
  void open(String profile) {
    session = runtime.newSession(profile);
    follower = runtime.follow(session);
  }

  /** Goes on with the session as it is when it is loaded anew. @return who followed it before */
  Follower unloadAndFollow() {
    Follower before = follower;
    await(runtime.sessions().unload(session));
    follower = runtime.follow(session);
    return before;
  }
}
