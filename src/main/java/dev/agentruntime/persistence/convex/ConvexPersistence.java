package dev.agentruntime.persistence.convex;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.persistence.SessionCursor;
import dev.agentruntime.persistence.SessionPage;
import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.persistence.StaleOwnerException;
import dev.agentruntime.persistence.StoredProfile;
import dev.agentruntime.persistence.StoredSession;
import dev.agentruntime.persistence.StoredSession.StoredFile;
import dev.agentruntime.persistence.StoredSession.Transcript;
import dev.agentruntime.persistence.convex.ConvexContents.ContentKind;
import dev.agentruntime.protocol.Json;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Keeps sessions in a Convex deployment that has the functions and the schema of {@code conf/convex}.
 *
 * <p><b>What "saved" means here.</b> Convex has committed the transaction. Every call is one, and serializable: the function that writes
 * has asked in the same transaction who owns the session. Who loads one names the owner whose place it takes: a load whose answer was lost,
 * and that is done late, is refused once somebody else has loaded the session.
 *
 * <p>What is deleted or replaced is gone at once for all who look. The bytes of something large are erased by transactions that follow
 * within moments; the deployment runs them by itself, whatever becomes of this process. A record's options, metadata and recovery together,
 * and the document of a profile, may have 6 MiB as JSON; more is refused with {@code INVALID}.
 *
 * <p>Proved against {@code convex-test}, with the limits that Convex documents; it was never tried against Convex's cloud.
 */
public final class ConvexPersistence implements PersistenceAdapter {

  /** Of the functions, as {@code store.ts} says it. */
  static final int VERSION = 4;

  private final ConvexClient client;
  private final ConvexContents contents;

  /**
   * @param deployment {@code https://<host>}, maybe with a port; {@code http} sends the key as it is
   * @param deployKey of that deployment, as Convex's dashboard shows it
   * @param timeoutMs how long Convex may take for one call before it has failed
   */
  public ConvexPersistence(Vertx vertx, URI deployment, String deployKey, long timeoutMs) {
    this.client = new ConvexClient(vertx, deployment, deployKey, timeoutMs);
    this.contents = new ConvexContents(client);
  }

  @Override
  public Future<Void> start() {
    return client.query("store:version", Json.object()).compose(version -> {
      if (version.asInt() == VERSION) {
        return Future.succeededFuture();
      }
      return Future.failedFuture(new PersistenceException(Kind.UNAVAILABLE, "the functions in the Convex deployment are version "
          + version.asInt() + ", this program works with version " + VERSION + ": deploy the conf/convex that came with it, or, if the"
          + " deployment's are newer, start that version of Agent Runtime"));
    });
  }

  @Override
  public Future<Void> ping() {
    return client.query("store:version", Json.object()).mapEmpty();
  }

  @Override
  public Future<Void> close() {
    return client.close();
  }

  @Override
  public Future<SessionPage> listAllSessions(int limit, String after) {
    return page(false, limit, after);
  }

  @Override
  public Future<SessionPage> listRecoverableSessions(int limit, String after) {
    return page(true, limit, after);
  }

  private Future<SessionPage> page(boolean onlyRecoverable, int limit, String after) {
    return checked(() -> {
      SessionCursor.requireLimit(limit);
      SessionCursor place = after == null ? null : SessionCursor.parse(after);
      return fill(new ArrayList<>(), onlyRecoverable, limit, place);
    });
  }

  /** An answer may have fewer sessions than were asked for. */
  private Future<SessionPage> fill(List<SessionRecord> page, boolean onlyRecoverable, int limit, SessionCursor after) {
    ObjectNode arguments = Json.object().put("onlyRecoverable", onlyRecoverable).put("limit", limit - page.size());
    arguments.set("after", after == null
        ? null
        : Json.object().put("sessionId", after.sessionId()).set("createdAt", ConvexValues.integer(after.createdAt())));
    return client.query("sessions:list", arguments).compose(answer -> {
      answer.path("sessions").forEach(session -> page.add(ConvexRecords.toRecord(session)));
      SessionCursor next = answer.path("more").asBoolean() ? SessionCursor.of(page.getLast()) : null;
      return next == null || page.size() == limit
          ? Future.succeededFuture(new SessionPage(page, next == null ? null : next.toString()))
          : fill(page, onlyRecoverable, limit, next);
    });
  }

  @Override
  public Future<Optional<SessionRecord>> findSession(String sessionId) {
    return client.query("sessions:find", Json.object().put("sessionId", sessionId))
        .map(found -> found.isNull() ? Optional.empty() : Optional.of(ConvexRecords.toRecord(found)));
  }

  @Override
  public Future<Optional<StoredSession>> inspectSession(String sessionId) {
    return client.query("sessions:inspect", Json.object().put("sessionId", sessionId)).compose(this::stored);
  }

  @Override
  public Future<Optional<StoredSession>> loadSession(String sessionId, String epoch) {
    return client.query("sessions:owner", Json.object().put("sessionId", sessionId)).compose(owner -> owner.isNull()
        ? Future.succeededFuture(Optional.empty())
        : client.mutation("sessions:own", Json.object().put("sessionId", sessionId).put("epoch", epoch).put("before", owner.asText()))
            .compose(this::stored)
            // Somebody else was faster, and is the one from whom it is taken now.
            .recover(failure -> kind(failure) == Kind.CONFLICT ? loadSession(sessionId, epoch) : Future.failedFuture(failure)));
  }

  @Override
  public Future<Void> renewEpoch(String sessionId, String epoch, String next) {
    return worded(sessionId, client.mutation("sessions:renew",
        Json.object().put("sessionId", sessionId).put("epoch", epoch).put("next", next)).mapEmpty());
  }

  private Future<Optional<StoredSession>> stored(JsonNode found) {
    return found.isNull()
        ? Future.succeededFuture(Optional.empty())
        : collect(found.path("session").asText(), found.path("contents"), new ArrayList<>(), new ArrayList<>())
            .map(lists -> lists.map(all -> new StoredSession(ConvexRecords.toRecord(found.path("record")), all.transcripts, all.files)));
  }

  private record Contents(List<Transcript> transcripts, List<StoredFile> files) {}

  /** Asks for the contents that did not fit into the answer. Empty if the session was deleted meanwhile. */
  private Future<Optional<Contents>> collect(String session, JsonNode answer, List<Transcript> transcripts, List<StoredFile> files) {
    ObjectNode last = null;
    for (JsonNode content : answer.path("contents")) {
      String name = content.path("name").textValue();
      String kind = content.path("kind").textValue();
      if (kind.equals(ContentKind.TRANSCRIPT.word)) {
        transcripts.add(new Transcript(name, content.path("length").asLong()));
      } else {
        files.add(new StoredFile(name, content.path("length").asLong(), ConvexValues.integer(content.path("modifiedAt"))));
      }
      last = Json.object().put("kind", kind).put("name", name);
    }
    if (!answer.path("more").asBoolean()) {
      return Future.succeededFuture(Optional.of(new Contents(transcripts, files)));
    }
    ObjectNode arguments = Json.object().put("session", session);
    arguments.set("after", last);
    return client.query("contents:list", arguments).compose(next ->
        next.isNull() ? Future.succeededFuture(Optional.empty()) : collect(session, next, transcripts, files));
  }

  @Override
  public Future<Void> createSessionRecord(SessionRecord record, String epoch) {
    return saveRecord("sessions:create", record, epoch);
  }

  @Override
  public Future<Void> updateSessionRecord(SessionRecord record, String epoch) {
    return saveRecord("sessions:update", record, epoch);
  }

  private Future<Void> saveRecord(String function, SessionRecord record, String epoch) {
    return checked(() -> {
      ObjectNode arguments = Json.object().put("epoch", epoch);
      arguments.set("record", ConvexRecords.arguments(record));
      return worded(record.sessionId(), client.write(function, arguments).mapEmpty());
    });
  }

  @Override
  public Future<Void> saveTranscript(String sessionId, String epoch, String name, long offset, Buffer bytes) {
    return worded(sessionId, contents.append(sessionId, epoch, name, offset, bytes));
  }

  @Override
  public Future<Void> replaceTranscript(String sessionId, String epoch, String name, Buffer bytes) {
    return worded(sessionId, contents.put(sessionId, epoch, ContentKind.TRANSCRIPT, name, 0, bytes));
  }

  @Override
  public Future<Buffer> readTranscript(String sessionId, String name, long offset, int length) {
    return worded(sessionId, contents.read(sessionId, ContentKind.TRANSCRIPT, name, offset, length));
  }

  @Override
  public Future<Void> saveWorkspaceFile(String sessionId, String epoch, String path, long modifiedAt, Buffer content) {
    return worded(sessionId, contents.put(sessionId, epoch, ContentKind.FILE, path, modifiedAt, content));
  }

  @Override
  public Future<Buffer> readWorkspaceFile(String sessionId, String path, long offset, int length) {
    return worded(sessionId, contents.read(sessionId, ContentKind.FILE, path, offset, length));
  }

  @Override
  public Future<Void> deleteSessionFile(String sessionId, String epoch, String path) {
    return worded(sessionId, contents.removeFile(sessionId, epoch, path));
  }

  @Override
  public Future<Void> deleteSession(String sessionId, String epoch) {
    return worded(sessionId,
        client.mutation("sessions:remove", Json.object().put("sessionId", sessionId).put("epoch", epoch)).mapEmpty());
  }

  @Override
  public Future<List<StoredProfile>> listAgentProfiles() {
    return profiles(new ArrayList<>());
  }

  private Future<List<StoredProfile>> profiles(List<StoredProfile> listed) {
    ObjectNode arguments = Json.object().put("after", listed.isEmpty() ? null : listed.getLast().id());
    return client.query("profiles:list", arguments).compose(answer -> {
      answer.path("profiles").forEach(profile -> listed.add(ConvexRecords.toProfile(profile)));
      return answer.path("more").asBoolean() ? profiles(listed) : Future.succeededFuture(listed);
    });
  }

  @Override
  public Future<Optional<StoredProfile>> loadAgentProfile(String profileId) {
    return client.query("profiles:load", Json.object().put("profileId", profileId))
        .map(found -> found.isNull() ? Optional.empty() : Optional.of(ConvexRecords.toProfile(found)));
  }

  @Override
  public Future<Void> saveAgentProfile(StoredProfile profile, String expectedVersion) {
    return checked(() -> ofExpectedVersion(
        client.mutation("profiles:save", ConvexRecords.arguments(profile).put("expectedVersion", expectedVersion))));
  }

  @Override
  public Future<Void> deleteAgentProfile(String profileId, String expectedVersion) {
    return ofExpectedVersion(client.mutation("profiles:remove",
        Json.object().put("profileId", profileId).put("expectedVersion", expectedVersion)));
  }

  private static Future<Void> ofExpectedVersion(Future<JsonNode> write) {
    return write.<Void>mapEmpty().recover(failure -> Future.failedFuture(kind(failure) == Kind.CONFLICT
        ? new PersistenceException(Kind.CONFLICT, "the profile is not of the expected version")
        : failure));
  }

  /** Puts what a function refuses into words. */
  private static <T> Future<T> worded(String sessionId, Future<T> answer) {
    return answer.recover(failure -> Future.failedFuture(switch (kind(failure)) {
      case STALE_OWNER -> new StaleOwnerException(sessionId);
      case NOT_FOUND -> new PersistenceException(Kind.NOT_FOUND, "there is no such session or content");
      case CONFLICT -> new PersistenceException(Kind.CONFLICT, "there is already a session with this id");
      case GAP -> new PersistenceException(Kind.GAP, "the transcript ends before the append begins");
      default -> failure;
    }));
  }

  private static Kind kind(Throwable failure) {
    return failure instanceof PersistenceException known ? known.kind() : Kind.UNAVAILABLE;
  }

  private static <T> Future<T> checked(Supplier<Future<T>> work) {
    try {
      return work.get();
    } catch (PersistenceException e) {
      return Future.failedFuture(e);
    }
  }
}
