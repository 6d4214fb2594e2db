package dev.agentruntime.session;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.agent.AgentArchitecture;
import dev.agentruntime.config.Settings;
import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.persistence.StoredSession;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.Frame;
import dev.agentruntime.protocol.RuntimeState;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.SessionListItem;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.VerticleBase;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * A loaded session: one mailbox, on a virtual thread of its own. Deployed when the session is loaded, undeployed when it is unloaded.
 *
 * <p>Commands are taken up in the order in which they came. One that has to wait (for the store, a sandbox) lets the following ones in
 * meanwhile; what must not change under it is guarded in {@link Session}, {@link Inbox} and {@link TurnRunner}, which decide before they
 * wait.
 */
final class SessionVerticle extends VerticleBase {

  private final Services services;
  private final String sessionId;
  private final boolean takesOver;
  private final Consumer<Frame> outlet;
  private final Consumer<SessionSync.Loss> onLoss;
  private Mailbox mailbox;
  private Session session;
  private Workspace workspace;
  private AgentHost host;
  private SessionSync sync;
  private TurnRunner turns;
  private Intake intake;
  private Departure departure;
  private long term;
  private AgentArchitecture architecture;
  private volatile long lastUsed;
  private volatile RuntimeState runtime = RuntimeState.UNLOADED;
  /** Whether there may be something to save. */
  private boolean dirty;
  private boolean closed;
  /** When this server last said that it looks after the session, epoch milliseconds. */
  private long aliveAt;
  private boolean beating;
  private boolean left;

  /**
   * @param takesOver whether a server that was at work with it has died
   * @param outlet given every frame, on the session's context
   * @param onLoss told when another server has taken the session or erased it
   */
  SessionVerticle(Services services, String sessionId, boolean takesOver, Consumer<Frame> outlet, Consumer<SessionSync.Loss> onLoss) {
    this.services = services;
    this.sessionId = sessionId;
    this.takesOver = takesOver;
    this.outlet = outlet;
    this.onLoss = onLoss;
  }

  @Override
  public Future<?> start() {
    mailbox = new Mailbox(context, sessionId);
    String epoch = UUID.randomUUID().toString();
    aliveAt = services.clock().millis();
    StoredSession stored = SessionLoader.claim(services, sessionId, epoch, takesOver);
    SessionRecord record = stored.record();
    Recovery recovery = Recovery.of(record.recovery());
    term = Recovery.termAfter(recovery);
    architecture = services.architectures().get(record.type());
    if (architecture == null) {
      throw new ApiException(ErrorCode.INVALID_REQUEST, "This server runs no agents of type " + record.type() + ".");
    }
    Settings.Limits limits = services.settings().limits();
    Backlog backlog = new Backlog(services.metrics().unsaved, limits.unsavedBytes(), limits.unsavedTotalBytes());
    Journal journal = new Journal(services.clock(), backlog);
    long journalLength = stored.transcripts().stream().filter(t -> t.name().equals(Journal.TRANSCRIPT))
        .mapToLong(StoredSession.Transcript::length).findFirst().orElse(0);
    SessionStore store = new SessionStore(vertx, mailbox, services.persistence(), services.metrics(), sessionId, epoch, journal,
        journalLength);
    session = new Session(record, limits.sessionBytes(), new EventLog(sessionId, epoch, limits.eventLogBytes()), journal, this::out);
    workspace = new Workspace(vertx, mailbox, session, store, services.settings().workspace());
    Status status = new Status(session, services.clock());
    SessionLoader loader = SessionLoader.of(StoredJournal.of(store, journalLength), architecture.transcripts(), sessionId);
    Transcripts transcripts = new Transcripts(sessionId, architecture.transcripts(), store, journal, stored.transcripts(),
        loader.tellsOfTranscripts());
    Inbox inbox = new Inbox(limits.queuedMessages());
    host = new AgentHost(services, mailbox, session, record.agentProfileReference(), architecture, status, workspace, transcripts,
        new StoredFiles(session, store), term);
    Outage outage = new Outage(session, status, services.settings().syncIntervalMs());
    sync = new SessionSync(vertx, mailbox, session, store, transcripts, workspace, journal, backlog, outage, record,
        services.settings().storeSilenceMs(), host::sandbox, this::recovery, onLoss);
    turns = new TurnRunner(services, mailbox, session, architecture, journal, store, sync, workspace, inbox, status, host);
    intake = new Intake(services.metrics(), session, inbox, journal, store, sync, status, turns);
    departure = new Departure(sessionId, services.settings().shutdownGraceMs(), this::save, this::leave, store, sync,
        workspace, intake, turns, host);
    AgentVoice voice = new AgentVoice(services.metrics(), session, turns, host, sync);
    host.connect(sync, voice, () -> nextLine(voice), turns::processEnded);
    SessionLoader.CutOff cutOff = loader.replay(session, inbox);
    if (loader.isEmpty() && !stored.transcripts().isEmpty()) {
      SessionLoader.readFromTranscripts(session, journal, architecture, transcripts);
    }
    workspace.stored(stored.files());
    session.restoreFiles(SessionLoader.readFiles(store, workspace, stored.files(), services.settings().workspace().inlineFileBytes()));
    takeUp(cutOff, recovery, status, inbox);
    sync.saveRecord();
    runtime = session.runtime();
    touch();
    return Future.succeededFuture();
  }

  /** Goes on with what an earlier runtime left. */
  private void takeUp(SessionLoader.CutOff cutOff, Recovery recovery, Status status, Inbox inbox) {
    Turn open = cutOff.turn();
    status.restore(open == null ? null : new RuntimeState.Turn(open.turnId, open.messageId, open.startedAt), inbox.size());
    session.keepTimes(cutOff.began());
    boolean found = recovery != null && recovery.sandboxId() != null && host.attach(recovery, offset(recovery, cutOff));
    services.metrics().messagesQueued.addAndGet(inbox.size());
    boolean sameProcess = found && (cutOff.delivered() == null || cutOff.delivered().processId().equals(recovery.processId()));
    if (!sameProcess) {
      cutOff.later().forEach(session::restore);
    }
    if (open != null) {
      turns.resume(open, sameProcess, cutOff.delivered() != null);
    } else {
      if (host.link() == null) {
        session.agentEnded();
      }
      turns.pump();
    }
  }

  private static long offset(Recovery recovery, SessionLoader.CutOff cutOff) {
    if (cutOff.delivered() != null && cutOff.delivered().processId().equals(recovery.processId())) {
      return cutOff.delivered().offset();
    }
    JournalEntry.Consumed consumed = cutOff.consumed();
    return consumed != null && consumed.processId().equals(recovery.processId()) ? consumed.offset() : 0;
  }

  /** What the agent's next line has to wait for. */
  private Future<Void> nextLine(AgentVoice voice) {
    Future<Void> settled = turns.settled();
    Future<Void> heard = settled.isComplete() ? voice.answered() : settled.compose(v -> voice.answered());
    return heard.isComplete() ? sync.room() : heard.compose(v -> sync.room());
  }

  private Recovery recovery() {
    Recovery running = host.recovery();
    Recovery meant = running == null && turns.hasAccepted() ? Recovery.INTENT : running;
    // How a turn ended is known here alone until it is stored.
    boolean works = turns.turn() != null || sync.hasUnstored();
    Recovery.Owner owner = left ? null : new Recovery.Owner(services.node(), aliveAt, works && !services.sandboxes().shared());
    return meant == null ? null : meant.of(term, owner);
  }

  /** Says that this server looks after the session, which shows whether it may, and saves what has changed. */
  private Future<Void> beat() {
    if (beating) {
      return Future.succeededFuture();
    }
    beating = true;
    aliveAt = services.clock().millis();
    Future<Void> said = sync.failing() ? Future.succeededFuture() : sync.confirmOwnership();
    return said.onComplete(done -> beating = false).transform(done ->
        done.failed() && SessionSync.lost(done.cause()).isPresent() || !dirty ? Future.succeededFuture() : save());
  }

  private void out(Frame frame) {
    services.metrics().events.increment();
    RuntimeState now = session.runtime();
    if (runtime.works() && !now.works()) {
      touch();
    }
    runtime = now;
    dirty = true;
    outlet.accept(frame);
    if (frame.event() instanceof SessionEvent.FileCreated && session.full() != null) {
      turns.cutOff(session.full());
    }
  }

  RuntimeState runtime() {
    return runtime;
  }

  /** Whether what there is to save could not be saved. */
  boolean failing() {
    return sync.failing();
  }

  /** Milliseconds of {@link System#nanoTime} since when nothing runs and nobody asked; or 0 while something runs. */
  long idleForMs() {
    return runtime.works() ? 0 : TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - lastUsed);
  }

  private void touch() {
    lastUsed = System.nanoTime();
  }

  /** Puts a command into the mailbox. Called from any thread. */
  <R> Future<R> submit(SessionCommand<R> command) {
    Promise<R> answer = Promise.promise();
    mailbox.run(() -> {
      try {
        if (closed) {
          throw new SessionClosedException();
        }
        @SuppressWarnings("unchecked")
        Future<R> result = (Future<R>) handle(command);
        result.onComplete(answer);
      } catch (Exception | OutOfMemoryError e) {
        answer.fail(e);
      }
    });
    return answer.future();
  }

  private Future<?> handle(SessionCommand<?> command) {
    return switch (command) {
      case SessionCommand.Get get -> Future.succeededFuture(session.encodedSnapshot().json());
      case SessionCommand.GetState get -> Future.succeededFuture(session.snapshot());
      case SessionCommand.Join join -> Future.succeededFuture(session.join(join.since()));
      case SessionCommand.Send send -> {
        touch();
        yield intake.send(send.message());
      }
      case SessionCommand.Interrupt interrupt -> {
        touch();
        turns.interrupt();
        yield Future.succeededFuture();
      }
      case SessionCommand.Patch patch -> patch(patch);
      case SessionCommand.MergeOptions merge -> mergeOptions(merge.options());
      case SessionCommand.Sync save -> {
        sync.refuseIfSilent();
        yield save();
      }
      case SessionCommand.Beat beat -> beat();
      case SessionCommand.Unload unload -> departure.saveFirst().compose(v -> close(departure::unload));
      case SessionCommand.UnloadIdle unload -> {
        refuseIfInUse(unload.idleMs());
        yield departure.saveFirst().compose(v -> {
          refuseIfInUse(unload.idleMs());
          return close(departure::unload);
        });
      }
      case SessionCommand.Delete delete -> departure.confirm().compose(v -> close(departure::delete));
      case SessionCommand.HandOver handOver -> close(departure::handOver);
      case SessionCommand.ListFiles list -> Future.succeededFuture(List.copyOf(session.files()));
      case SessionCommand.StatFile stat -> Future.succeededFuture(workspace.known(stat.path()));
      case SessionCommand.ReadFile read -> workspace.read(read.path(), read.offset(), read.length());
      case SessionCommand.WriteFile write -> {
        change();
        yield host.settled().compose(v -> workspace.write(write.path(), write.content()));
      }
      case SessionCommand.DeleteFile delete -> {
        change();
        yield host.settled().compose(v -> workspace.delete(delete.path()));
      }
    };
  }

  private void refuseIfInUse(long idleMs) {
    if (!turns.idle() || intake.isAccepting() || idleForMs() < idleMs) {
      throw new SessionInUseException();
    }
  }

  private void change() {
    sync.refuseIfSilent();
    touch();
    dirty = true;
  }

  private Future<SessionListItem> patch(SessionCommand.Patch patch) {
    change();
    SessionListItem item = session.listItem();
    session.apply(new SessionEvent.SessionUpdated(patch.name() == null ? item.name() : patch.name(),
        patch.metadata() == null ? item.metadata() : patch.metadata()));
    return sync.inTime(sync.saveRecord()).map(v -> session.listItem());
  }

  private Future<ObjectNode> mergeOptions(ObjectNode changes) {
    change();
    ObjectNode merged = session.options().deepCopy();
    changes.properties().forEach(field -> {
      if (field.getValue().isNull()) {
        merged.remove(field.getKey());
      } else {
        merged.set(field.getKey(), field.getValue());
      }
    });
    architecture.validateOptions(merged);
    session.apply(new SessionEvent.OptionsUpdate(merged));
    return sync.inTime(sync.saveRecord()).map(v -> merged);
  }

  private Future<Void> save() {
    dirty = false;
    Future<Void> synced = host.sandbox() == null ? Future.succeededFuture() : workspace.reconcile();
    return synced.transform(v -> sync.sync()).onComplete(done -> dirty |= done.failed() || sync.hasWork());
  }

  /** What runs is left to whichever server comes first, if another one can reach it. */
  private void leave() {
    left = services.sandboxes().shared();
  }

  private Future<Void> close(Runnable work) {
    if (closed) {
      throw new SessionClosedException();
    }
    closed = true;
    Promise<Void> done = Promise.promise();
    mailbox.run(() -> {
      try {
        work.run();
        done.complete();
      } catch (Exception e) {
        done.fail(e);
      } finally {
        sync.close();
        session.apply(new SessionEvent.StatusChanged(RuntimeState.UNLOADED));
        session.events().close();
      }
    });
    return done.future();
  }

  /**
   * Another server owns the session: lets go of it without touching anything. Or nobody does: then its sandbox is nobody's either.
   *
   * @return done when it may leave memory
   */
  Future<Void> abandon(SessionSync.Loss how) {
    Promise<Void> done = Promise.promise();
    mailbox.run(() -> {
      closed = true;
      turns.close();
      sync.close();
      if (how == SessionSync.Loss.TAKEN_OVER) {
        host.handOver();
        session.apply(new SessionEvent.ErrorEvent(ErrorCode.CONFLICT, "Another server has taken the session: what happens there is not shown "
            + "here. Join it again to follow it."));
      }
      session.apply(new SessionEvent.StatusChanged(RuntimeState.UNLOADED));
      session.events().close();
      try {
        if (how == SessionSync.Loss.ERASED) {
          host.terminate();
        }
      } finally {
        done.complete();
      }
    });
    return done.future();
  }
}
