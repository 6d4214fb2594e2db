package dev.agentruntime.support.toy;

import static dev.agentruntime.support.TestRuntime.await;

import dev.agentruntime.agent.AgentProfile;
import dev.agentruntime.metrics.RuntimeMetrics;
import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.memory.InMemoryPersistence;
import dev.agentruntime.protocol.CreateSession;
import dev.agentruntime.protocol.MessageContent;
import dev.agentruntime.protocol.SendMessage;
import dev.agentruntime.protocol.SendMessage.Accepted;
import dev.agentruntime.protocol.WhenBusy;
import dev.agentruntime.sandbox.Sandbox;
import dev.agentruntime.sandbox.SandboxProcess;
import dev.agentruntime.sandbox.SandboxProvider;
import dev.agentruntime.session.Profiles;
import dev.agentruntime.session.Services;
import dev.agentruntime.session.SessionManager;
import dev.agentruntime.support.Follower;
import dev.agentruntime.support.Intercepted;
import dev.agentruntime.support.TestRuntime;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import java.nio.file.Path;
import java.time.Clock;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A server's sessions over a store and a {@link ToyWorld}, both of which outlive it: it can be killed. Blocking, for tests. */
public final class ToyServer implements AutoCloseable {

  private static final long HOUR_MS = 3_600_000;
  private static final Map<String, String> SETTINGS = Map.of(
      "AGENT_RUNTIME_SYNC_INTERVAL_MS", "20",
      "AGENT_RUNTIME_SANDBOX_INTERRUPT_TIMEOUT_MS", "200",
      "AGENT_RUNTIME_SANDBOX_REATTACH_TIMEOUT_MS", "200");

  public final SessionManager sessions;
  public final RuntimeMetrics metrics = new RuntimeMetrics(new SimpleMeterRegistry());
  private final Vertx vertx = Vertx.vertx(new VertxOptions().setEventLoopPoolSize(1).setBlockedThreadCheckInterval(HOUR_MS));
  private volatile boolean killed;

  /** @param settings as variables, over those of the tests */
  public ToyServer(ToyWorld world, PersistenceAdapter store, Map<String, String> settings) {
    this(world, store, settings, "toy");
  }

  /** @param node another server than those of other names; one of the same name is the next run of those before */
  public ToyServer(ToyWorld world, PersistenceAdapter store, Map<String, String> settings, String node) {
    Map<String, String> variables = new HashMap<>(SETTINGS);
    variables.putAll(settings);
    PersistenceAdapter mine = mortal(PersistenceAdapter.class, store);
    Map<String, AgentProfile> profiles = Map.of("toy", profile("toy"), "stillborn", profile("stillborn"));
    sessions = new SessionManager(new Services(vertx, TestRuntime.settings(Path.of("unused"), variables), Clock.systemUTC(), metrics, mine,
        mortal(SandboxProvider.class, world), Map.of(ToyArchitecture.TYPE, new ToyArchitecture()),
        new Profiles(profiles, mine, Map.of(), Set.of(ToyArchitecture.TYPE)), node));
    await(sessions.start());
  }

  public ToyServer(ToyWorld world, PersistenceAdapter store) {
    this(world, store, Map.of());
  }

  /** A store that is started. */
  public static InMemoryPersistence store() {
    InMemoryPersistence store = new InMemoryPersistence();
    await(store.start());
    return store;
  }

  private static AgentProfile profile(String id) {
    return new AgentProfile(id, id, null, ToyArchitecture.TYPE, List.of(id), null, null, null, null, null, null, null, null, null, null, null,
        null, null, null);
  }

  /** What reaches nothing any more, and is not answered, once the server is killed. */
  private <T> T mortal(Class<T> type, T target) {
    return Intercepted.of(type, target, (method, arguments, real) -> {
      if (killed && method.getReturnType() == Future.class) {
        return Future.future(promise -> { });
      }
      Object answer = real.get();
      return answer instanceof Future<?> future ? future.compose(this::alive) : answer;
    });
  }

  private Future<Object> alive(Object answer) {
    return killed ? Future.future(promise -> { }) : Future.succeededFuture(switch (answer) {
      case Sandbox sandbox -> mortal(Sandbox.class, sandbox);
      case SandboxProcess process -> mortal(SandboxProcess.class, process);
      case null, default -> answer;
    });
  }

  public String newSession() {
    return newSession("toy");
  }

  public String newSession(String profile) {
    return await(sessions.create(new CreateSession(profile, null, null, null, null, null))).sessionId();
  }

  public Follower follow(String session) {
    return new Follower(sessions, session);
  }

  public Future<Accepted> send(String session, String text) {
    return send(session, text, null, null);
  }

  public Future<Accepted> send(String session, String text, String messageId, WhenBusy whenBusy) {
    return sessions.message(session, new SendMessage(MessageContent.of(text), messageId, whenBusy));
  }

  /** As {@code kill -9}: nothing that it does reaches the store or a sandbox from now on. */
  public void kill() {
    killed = true;
  }

  /** Without an orderly end, which a test does by {@link SessionManager#shutdown}; what still waits in it is waited for by nobody. */
  @Override
  public void close() {
    kill();
    vertx.close();
  }
}
