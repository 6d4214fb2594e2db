package dev.agentruntime.session;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.agent.AgentArchitecture;
import dev.agentruntime.agent.AgentProfile;
import dev.agentruntime.agent.LaunchPlan;
import dev.agentruntime.agent.LaunchRequest;
import dev.agentruntime.agent.OutputParser;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.RuntimeState.SandboxStatus;
import dev.agentruntime.sandbox.Sandbox;
import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxProcess;
import dev.agentruntime.sandbox.SandboxSpec;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The sandbox of a session and the agent's process in it: made when a turn needs them, found again after a restart, given up when the
 * session goes. Runs on the session's own context and awaits there.
 */
final class AgentHost {

  private static final Logger log = LoggerFactory.getLogger(AgentHost.class);

  private final Services services;
  private final Mailbox mailbox;
  private final Session session;
  private final String profileId;
  private final AgentArchitecture architecture;
  private final Status status;
  private final Workspace workspace;
  private final Transcripts transcripts;
  private final StoredFiles storedFiles;
  private final long term;
  private final Steps steps;
  private SessionSync sync;
  private OutputParser.Sink sink;
  private Supplier<Future<Void>> settled;
  private Consumer<AgentLink> onEnd;

  /** What an earlier runtime left, while it is looked for; else {@code null}. */
  private Recovery sought;
  private AgentProfile profile;
  private Sandbox sandbox;
  private String creationId;
  private String processId;
  /** Whether the sandbox has all that it should: a later runtime takes what is missing there for deleted. */
  private boolean prepared;
  private AgentLink link;
  private ObjectNode runningOptions;
  private Future<AgentLink> starting;
  private boolean handedOver;

  /** @param term as {@link Recovery#term} */
  AgentHost(Services services, Mailbox mailbox, Session session, String profileId, AgentArchitecture architecture, Status status,
            Workspace workspace, Transcripts transcripts, StoredFiles storedFiles, long term) {
    this.services = services;
    this.mailbox = mailbox;
    this.session = session;
    this.profileId = profileId;
    this.architecture = architecture;
    this.status = status;
    this.workspace = workspace;
    this.transcripts = transcripts;
    this.storedFiles = storedFiles;
    this.term = term;
    this.steps = new Steps(services.settings().sandbox().startTimeoutMs());
  }

  /**
   * @param settled what an agent's next line has to wait for
   * @param onEnd told when the agent's process has ended by itself and all it said was understood
   */
  void connect(SessionSync sync, OutputParser.Sink sink, Supplier<Future<Void>> settled, Consumer<AgentLink> onEnd) {
    this.sync = sync;
    this.sink = sink;
    this.settled = settled;
    this.onEnd = onEnd;
  }

  /** @return {@code null} if there is none */
  Sandbox sandbox() {
    return sandbox;
  }

  /** @return {@code null} if no agent runs */
  AgentLink link() {
    return link;
  }

  /** The profile that the running agent was started with, where it is known; see {@link #ready}. */
  AgentProfile profile() {
    return profile;
  }

  Recovery recovery() {
    return sought != null ? sought : creationId == null && sandbox == null ? null
        : new Recovery(sandbox == null || !prepared ? null : sandbox.id(), processId, creationId, term, null);
  }

  /** Done when start or stop is not under way. */
  Future<Void> settled() {
    return starting == null ? Future.succeededFuture() : starting.transform(result -> Future.succeededFuture());
  }

  /** An agent that runs with the session's options, started if need be; the same for all who ask meanwhile. */
  Future<AgentLink> ready() {
    if (starting != null) {
      return starting;
    }
    if (session.full() != null) {
      return Future.failedFuture(new ApiException(ErrorCode.CONFLICT, session.full()));
    }
    if (link != null && profile != null && !expires() && architecture.optionsChanged(runningOptions, session.options()) != null) {
      return Future.succeededFuture(link);
    }
    Promise<AgentLink> promise = Promise.promise();
    starting = promise.future();
    mailbox.run(() -> {
      long start = System.nanoTime();
      try {
        if (sandbox != null && expires()) {
          leave();
        }
        AgentLink started = startOrBegAnew();
        services.metrics().sandboxStart.record(System.nanoTime() - start, TimeUnit.NANOSECONDS);
        starting = null;
        promise.complete(started);
      } catch (Exception | OutOfMemoryError e) {
        services.metrics().sandboxFailures.increment();
        starting = null;
        promise.fail(status.explained(e));
      }
    });
    return promise.future();
  }

  /** What must be said to the running agent before its next turn; {@code null} if it has to be {@linkplain #ready() readied} again. */
  Buffer optionLines(ObjectNode options) {
    return architecture.optionsChanged(runningOptions, options);
  }

  /** The running agent was told. */
  void optionsTold(ObjectNode options) {
    runningOptions = options;
  }

  private boolean expires() {
    return sandbox != null && services.clock().millis() >= sandbox.renewAt();
  }

  /** Saves what is in a sandbox that will end, and ends it. One that could not be saved is kept for as long as it lives. */
  private void leave() {
    tell("Moving to a new sandbox, because this one is close to the end of its lifetime");
    try {
      Future.await(workspace.reconcile().compose(v -> sync.sync()));
    } catch (Exception e) {
      log.warn("sandbox {} has nearly reached its age and could not be saved: {}", sandbox.id(), e.toString());
      return;
    }
    stopProcess();
    giveUp(null);
  }

  private AgentLink startOrBegAnew() {
    boolean had = sandbox != null;
    try {
      stopProcess();
      return start();
    } catch (SandboxException e) {
      if (!had || steps.stopped() || e.kind() != SandboxException.Kind.GONE) {
        throw e;
      }
      log.info("the sandbox is gone; making another");
      giveUp(null);
      return start();
    }
  }

  private AgentLink start() {
    boolean fresh = sandbox == null;
    try {
      profile = steps.await(sync.insist(() -> services.profiles().get(profileId)));
      processId = Sandbox.newProcessId();
      if (fresh) {
        makeSandbox();
      }
      Future<Void> examined = fresh ? workspace.attach(sandbox) : Future.succeededFuture();
      tell("Preparing the agent");
      boolean resume = fresh ? transcripts.resumableWhenRestored() : transcripts.resumable(sandbox, steps);
      steps.check();
      ObjectNode options = session.options();
      LaunchPlan plan = steps.await(architecture.plan(new LaunchRequest(session.id(), profile, options, sandbox.workspace(),
          sandbox.home(), resume, services.sandboxes().equips(), sandbox.supplied(architecture.needs(profile).files())),
          message -> mailbox.run(() -> tell(message))));
      SandboxProcess process = launch(plan);
      runningOptions = options;
      AgentLink started = follow(process, 0);
      steps.await(examined);
      status.sandbox(SandboxStatus.READY, sandbox.id(), null);
      return started;
    } catch (Exception | OutOfMemoryError e) {
      String why = ErrorTranslation.toApi(status.explained(e)).getMessage();
      if (handedOver) {
        log.info("session {} was handed over while its agent was started", session.id());
      } else if (fresh || steps.stopped() || e instanceof SandboxException gone && gone.kind() == SandboxException.Kind.GONE) {
        giveUp(why);
      } else {
        status.sandbox(SandboxStatus.UNHEALTHY, sandbox.id(), why);
      }
      if (!steps.stopped()) {
        log.warn("the agent could not be started: {}", why);
      }
      throw e;
    }
  }

  private void makeSandbox() {
    status.newSandbox();
    status.sandbox(SandboxStatus.STARTING, null, "Creating the sandbox");
    services.metrics().sandboxStarts.increment();
    creationId = UUID.randomUUID().toString();
    steps.await(sync.insist(sync::saveRecord));
    sandbox = steps.await(services.sandboxes().create(new SandboxSpec(session.id(), services.settings().workspace().ignore(),
        creationId, session.events().epoch(), term, architecture.needs(profile)), message -> mailbox.run(() -> tell(message))),
        late -> services.sandboxes().terminate(late.id()));
    prepared = false;
    tell("Restoring the workspace");
    storedFiles.restore(sandbox, steps);
    transcripts.restore(sandbox, steps);
    steps.check();
  }

  private SandboxProcess launch(LaunchPlan plan) {
    boolean nothingToSetUp = prepared || plan.setup().isEmpty();
    if (!nothingToSetUp) {
      steps.await(sandbox.files().write(plan.files()));
      for (LaunchPlan.SetupStep step : plan.setup()) {
        tell(step.description());
        steps.setUp(sandbox, step);
      }
    }
    prepared = true;
    steps.await(sync.insist(sync::saveRecord));
    tell("Starting the agent");
    return steps.await(nothingToSetUp ? sandbox.start(processId, plan.process(), plan.files()) : sandbox.start(processId, plan.process()));
  }

  private AgentLink follow(SandboxProcess process, long offset) {
    AgentLink started = new AgentLink(mailbox, process, architecture.parser(services.clock()), sink, session.events(), settled, offset,
        services.settings().limits().agentLineBytes());
    link = started;
    started.ended().onComplete(v -> {
      if (link == started) {
        forgetAgent();
        onEnd.accept(started);
      }
    });
    started.follow();
    return started;
  }

  /**
   * Takes hold of what an earlier runtime left.
   *
   * @param offset where the output of the process is read from, bytes
   * @return whether the process was found, running or ended
   */
  boolean attach(Recovery recovery, long offset) {
    sought = recovery;
    // Whoever can reach it and owns the session after this has a greater term.
    steps.await(services.sandboxes().shared() ? sync.saveRecord() : Future.succeededFuture());
    // An agent whose profile was deleted goes on with what it does; the next message is refused.
    profile = steps.await(services.profiles().get(profileId)
        .recover(failure -> failure instanceof ApiException ? Future.succeededFuture() : Future.failedFuture(failure)));
    try {
      status.newSandbox();
      creationId = recovery.creationId();
      // One that is held does not end as idle.
      sandbox = steps.await(services.sandboxes().attach(recovery.sandboxId(), term), Sandbox::release);
      prepared = true;
      examine();
      status.sandbox(SandboxStatus.READY, sandbox.id(), null);
      if (recovery.processId() == null) {
        return false;
      }
      processId = recovery.processId();
      SandboxProcess process = steps.await(sandbox.attach(recovery.processId()));
      runningOptions = session.options();
      follow(process, offset);
      return true;
    } catch (Exception e) {
      log.info("sandbox {} was not found again: {}", recovery.sandboxId(), e.toString());
      processId = null;
      boolean silent = e instanceof TimeoutException;
      if (sandbox == null || silent) {
        giveUp(silent ? "The sandbox does not answer" : "The sandbox is gone");
      }
      return false;
    } finally {
      sought = null;
    }
  }

  /** What keeps the files from being looked at now keeps no agent from working: they are looked at again when its turn ends. */
  private void examine() {
    try {
      steps.await(workspace.attach(sandbox));
    } catch (SandboxException e) {
      if (e.kind() == SandboxException.Kind.GONE) {
        throw e;
      }
      log.warn("the workspace in sandbox {} could not be examined: {}", sandbox.id(), e.toString());
    }
  }

  /** Ends the process alone, for another one to be started in its place. */
  private void stopProcess() {
    if (link != null) {
      AgentLink old = link;
      forgetAgent();
      steps.await(old.kill());
    }
  }

  /** There is no agent any more, nor what it was about. Nothing more of what it has said is read. */
  void forgetAgent() {
    processId = null;
    if (link != null) {
      link.detach();
      link = null;
      session.agentEnded();
    }
  }

  /** Ends everything, and confirms it. */
  void terminate() {
    steps.stop();
    end(null);
    // A start that is under way sees that its sandbox is gone, or ends the one that it gets.
    Future.await(settled());
    end(null);
  }

  /** Lets go of everything and leaves it running, for a later runtime. */
  void handOver() {
    handedOver = true;
    steps.stop();
    if (link != null) {
      link.detach();
    }
    workspace.detach();
    if (sandbox != null) {
      sandbox.release();
    }
  }

  /** Does without the sandbox from now on, and ends it, unless another server has the session and may be at work there. */
  private void giveUp(String why) {
    if (!prepared || !sync.isLost()) {
      end(why);
    }
  }

  private void end(String why) {
    Sandbox old = sandbox;
    sandbox = null;
    creationId = null;
    forgetAgent();
    workspace.detach();
    if (old != null) {
      try {
        Future.await(services.sandboxes().terminate(old.id()));
      } catch (Exception e) {
        log.error("sandbox {} could not be terminated; it is tried again later: {}", old.id(), e.toString());
      }
    }
    if (old != null || why != null) {
      status.sandbox(SandboxStatus.TERMINATED, old == null ? null : old.id(), why);
    }
  }

  private void tell(String message) {
    if (!steps.stopped() && starting != null) {
      status.sandbox(SandboxStatus.STARTING, sandbox == null ? null : sandbox.id(), message);
    }
  }
}
