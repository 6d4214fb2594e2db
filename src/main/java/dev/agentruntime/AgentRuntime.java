package dev.agentruntime;

import dev.agentruntime.agent.AgentArchitecture;
import dev.agentruntime.agent.ProfileLoader;
import dev.agentruntime.agent.claude.BuiltInAgent;
import dev.agentruntime.agent.claude.ClaudeArchitecture;
import dev.agentruntime.agent.claude.ClaudeExecutable;
import dev.agentruntime.agent.demo.DemoAgent;
import dev.agentruntime.agent.demo.DemoProgram;
import dev.agentruntime.config.Settings;
import dev.agentruntime.config.StoreUrl;
import dev.agentruntime.metrics.RuntimeMetrics;
import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.convex.ConvexPersistence;
import dev.agentruntime.persistence.memory.InMemoryPersistence;
import dev.agentruntime.persistence.sql.DatabaseServer;
import dev.agentruntime.persistence.sql.SqlPersistence;
import dev.agentruntime.sandbox.SandboxProvider;
import dev.agentruntime.sandbox.local.LocalSandboxProvider;
import dev.agentruntime.sandbox.modal.ModalClientOptions;
import dev.agentruntime.sandbox.modal.ModalSandboxOptions;
import dev.agentruntime.sandbox.modal.ModalSandboxProvider;
import dev.agentruntime.server.Authentication;
import dev.agentruntime.server.ClientApi;
import dev.agentruntime.session.Profiles;
import dev.agentruntime.session.Services;
import dev.agentruntime.session.SessionManager;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.Closeable;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.internal.VertxInternal;
import java.net.URI;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The runtime: sessions, their agents and sandboxes, on a Vert.x of the caller's. The server is this and a verticle that listens; another
 * application may start it beside its own and mount its {@link #clientApi} where it likes.
 *
 * <p>This class puts the parts together, and alone names the adapters. Threading: methods may be called from any thread;
 * {@link #create} reads files, the others never block.
 *
 * <p>All runtimes on one event bus have the same addresses there, and a request reaches any of them. So they have to share a store; those that
 * do not need a {@code Vertx} each.
 */
public final class AgentRuntime {

  private static final Logger log = LoggerFactory.getLogger(AgentRuntime.class);

  private final Vertx vertx;
  private final Settings settings;
  private final PersistenceAdapter persistence;
  private final SandboxProvider sandboxes;
  private final RuntimeMetrics metrics;
  private final SessionManager sessionManager;
  private final List<Claim> claims = new ArrayList<>();
  private final AtomicBoolean shutdown = new AtomicBoolean();
  private final Promise<Void> down = Promise.promise();
  /** An application that closes its {@code Vertx} must not lose what its agents said last. */
  private final Closeable closeHook = closed -> shutdown().onComplete(closed);
  /** Where a shutdown ends: who closes the {@code Vertx} on a virtual thread waits ten seconds for that thread's own end. */
  private final Context eventLoop;

  private AgentRuntime(Vertx vertx, Settings settings, PersistenceAdapter persistence, Map<String, String> environment) {
    this.vertx = vertx;
    this.eventLoop = ((VertxInternal) vertx).createEventLoopContext();
    this.settings = settings;
    this.persistence = persistence;
    if (settings.sandbox().provider().isEmpty() && settings.modal().hasHalfAToken()) {
      log.warn("Only one of MODAL_TOKEN_ID and MODAL_TOKEN_SECRET is set: agents run on this machine, which isolates nothing");
    }
    this.sandboxes = settings.sandboxesOnModal() ? modal(vertx, settings)
        : new LocalSandboxProvider(settings.dataDir().resolve("sandboxes"));
    this.metrics = new RuntimeMetrics(new PrometheusMeterRegistry(PrometheusConfig.DEFAULT));
    AgentArchitecture claude = new ClaudeArchitecture(settings, new ClaudeExecutable(settings, environment.get("PATH")),
        Map.of("demo", new BuiltInAgent(DemoAgent.command(), DemoProgram.SYSTEM_PACKAGES, DemoProgram::command,
            () -> Map.of(DemoProgram.FILE, Buffer.buffer(DemoProgram.jar())))));
    Map<String, String> forProfiles = new HashMap<>(environment);
    forProfiles.keySet().retainAll(settings.profileVariables());
    Profiles profiles = new Profiles(ProfileLoader.load(settings.profilesDir(), environment), persistence, forProfiles, Set.of(claude.type()));
    this.sessionManager = new SessionManager(new Services(vertx, settings, Clock.systemUTC(), metrics, persistence, sandboxes,
        Map.of(claude.type(), claude), profiles, RuntimeId.of(settings.dataDir())));
  }

  /**
   * Puts a runtime together; nothing is started yet.
   *
   * @param persistenceAdapter where sessions are kept: one's own, or {@link #persistence}
   * @throws IllegalArgumentException if the profiles are wrong, naming every mistake
   * @throws java.io.UncheckedIOException if the data directory cannot be written to
   */
  public static AgentRuntime create(Vertx vertx, Settings settings, PersistenceAdapter persistenceAdapter) {
    return new AgentRuntime(vertx, settings, persistenceAdapter, System.getenv());
  }

  private static SandboxProvider modal(Vertx vertx, Settings settings) {
    Settings.Modal modal = settings.modal();
    String runtimeId = modal.runtimeId().isEmpty() ? RuntimeId.of(settings.dataDir()) : modal.runtimeId();
    return new ModalSandboxProvider(vertx,
        ModalClientOptions.of(URI.create(modal.serverUrl()), modal.tokenId().value(), modal.tokenSecret().value()),
        new ModalSandboxOptions(modal.appName(), modal.environment(), modal.imageBuilderVersion(), runtimeId, modal.baseImage(),
            modal.milliCpu(), modal.memoryMib(), modal.regions(), modal.network(), modal.allowedDomains(), modal.allowedCidrs(),
            modal.lifetimeMs(), modal.renewBeforeMs(), modal.idleTimeoutMs(), modal.leaseMs(), settings.sandbox().startTimeoutMs()));
  }

  /** The store that {@code storeUrl} names; a relative path of SQLite is one in the data directory. */
  public static PersistenceAdapter persistence(Vertx vertx, Settings settings) {
    return switch (settings.storeUrl()) {
      case StoreUrl.Memory memory -> new InMemoryPersistence();
      case StoreUrl.Convex convex -> new ConvexPersistence(vertx, convex.address(), settings.convex().deployKey().value(),
          settings.storeTimeoutMs());
      case StoreUrl.Sqlite sqlite -> SqlPersistence.sqlite(vertx, settings.dataDir().resolve(sqlite.path()));
      case StoreUrl.Database database -> switch (database.product()) {
        case POSTGRESQL -> SqlPersistence.postgresql(vertx, server(settings, database));
        case MYSQL -> SqlPersistence.mysql(vertx, server(settings, database));
      };
    };
  }

  private static DatabaseServer server(Settings settings, StoreUrl.Database url) {
    return new DatabaseServer(url.host(), url.port(), url.database(), url.user(), url.password() == null ? null : url.password().value(),
        DatabaseServer.Tls.valueOf(url.tls().name()), url.rootCertificate() == null ? null : Path.of(url.rootCertificate()),
        url.transactionPooler(), settings.storeConnections(), settings.storeTimeoutMs());
  }

  /**
   * Opens the store and the sandboxes, takes up what was cut off, and starts the background work. Fails with a sentence for the operator if
   * another server uses the data directory or the store's file.
   *
   * @return completes on the caller's context: what is deployed on one of the store's own would end with the store
   */
  public Future<Void> start() {
    ((VertxInternal) vertx).addCloseHook(closeHook);
    Promise<Void> started = ((VertxInternal) vertx).getOrCreateContext().promise();
    vertx.executeBlocking(this::claim)
        .compose(v -> Future.all(persistence.start(), sandboxes.start()))
        .compose(v -> sessionManager.start())
        .onComplete(started);
    return started.future();
  }

  private Void claim() {
    synchronized (claims) {
      if (claims.isEmpty()) {
        try {
          claims.add(Claim.onDataDirectory(settings));
          Claim.onStore(settings, Claim.SERVER).ifPresent(claims::add);
        } catch (RuntimeException e) {
          release();
          throw e;
        }
      }
    }
    return null;
  }

  private void release() {
    synchronized (claims) {
      claims.forEach(Claim::close);
      claims.clear();
    }
  }

  public SessionManager sessionManager() {
    return sessionManager;
  }

  /**
   * All that clients can talk to, to be mounted in an HTTP server.
   *
   * @param authentication {@link Authentication#of} the settings' keys, or {@link Authentication#byApplication()}
   */
  public ClientApi clientApi(Authentication authentication) {
    return new ClientApi(vertx, settings, sessionManager, metrics, authentication);
  }

  public Settings settings() {
    return settings;
  }

  public RuntimeMetrics metrics() {
    return metrics;
  }

  /**
   * Takes no new work, saves everything, ends the sandboxes in which nothing runs. A turn that runs goes on in its sandbox and is picked up
   * by the next start on the same data directory and store. Succeeds when all of that is done or has failed; failures are logged.
   *
   * <p>Closing the {@code Vertx} does it too, and a second call does nothing more.
   */
  public Future<Void> shutdown() {
    if (shutdown.compareAndSet(false, true)) {
      sessionManager.shutdown()
          .transform(done -> Future.join(List.of(sandboxes.close(), persistence.close())))
          .onFailure(e -> log.error("the runtime did not shut down cleanly", e))
          .onComplete(done -> {
            release();
            ((VertxInternal) vertx).removeCloseHook(closeHook);
            eventLoop.runOnContext(ended -> down.complete());
          });
    }
    return down.future();
  }
}
