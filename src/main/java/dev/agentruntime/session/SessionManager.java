package dev.agentruntime.session;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.AgentProfileInfo;
import dev.agentruntime.protocol.CreateSession;
import dev.agentruntime.protocol.LifecycleEvent;
import dev.agentruntime.protocol.Position;
import dev.agentruntime.protocol.SendMessage;
import dev.agentruntime.protocol.SessionList;
import dev.agentruntime.protocol.SessionListItem;
import dev.agentruntime.protocol.WorkspaceFile;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * The door to all sessions. Threading: called from any thread, never blocks; futures complete on the caller's context. Refusals are
 * {@code ApiException}s.
 */
public final class SessionManager {

  public Future<CreateSession.Created> create(CreateSession request) {
    throw new UnsupportedOperationException();
  }

  /** Newest first. @param after the {@code next} of the page before, or {@code null} */
  public Future<SessionList> list(int limit, String after) {
    throw new UnsupportedOperationException();
  }

  /** The {@code SessionSnapshot} as UTF-8 JSON, shared, never to be written to. Loads the session, starts no sandbox. */
  public Future<byte[]> get(String sessionId) {
    throw new UnsupportedOperationException();
  }

  public Future<SendMessage.Accepted> message(String sessionId, SendMessage message) {
    throw new UnsupportedOperationException();
  }

  public Future<Void> interrupt(String sessionId) {
    throw new UnsupportedOperationException();
  }

  /** @param name {@code null} leaves it; @param metadata {@code null} leaves it, else it takes the place of the old */
  public Future<SessionListItem> patch(String sessionId, String name, ObjectNode metadata) {
    throw new UnsupportedOperationException();
  }

  /** Merges (RFC 7396: null removes) and gives the options in force. */
  public Future<ObjectNode> options(String sessionId, ObjectNode sessionOptions) {
    throw new UnsupportedOperationException();
  }

  public Future<Void> sync(String sessionId) {
    throw new UnsupportedOperationException();
  }

  public Future<Void> unload(String sessionId) {
    throw new UnsupportedOperationException();
  }

  public Future<Void> delete(String sessionId) {
    throw new UnsupportedOperationException();
  }

  /** @param since where the reader stands, or {@code null} for a snapshot */
  public Future<Joined> join(String sessionId, Position since) {
    throw new UnsupportedOperationException();
  }

  /** Without contents. */
  public Future<List<WorkspaceFile>> listFiles(String sessionId) {
    throw new UnsupportedOperationException();
  }

  public Future<WorkspaceFile> statFile(String sessionId, String path) {
    throw new UnsupportedOperationException();
  }

  /** Up to {@code length} bytes of a file from {@code offset}; fewer only at the end. */
  public Future<Buffer> readFile(String sessionId, String path, long offset, int length) {
    throw new UnsupportedOperationException();
  }

  /** @return true if the file is new */
  public Future<Boolean> writeFile(String sessionId, String path, Buffer content) {
    throw new UnsupportedOperationException();
  }

  public Future<Void> deleteFile(String sessionId, String path) {
    throw new UnsupportedOperationException();
  }

  public Future<List<AgentProfileInfo>> profiles() {
    throw new UnsupportedOperationException();
  }

  public Future<AgentProfileInfo> profile(String profileId) {
    throw new UnsupportedOperationException();
  }

  /** @param listener called on any thread; must return at once */
  public void watch(Consumer<LifecycleEvent> listener) {
    throw new UnsupportedOperationException();
  }

  public void unwatch(Consumer<LifecycleEvent> listener) {
    throw new UnsupportedOperationException();
  }

  /** Empty when ready for new work; otherwise what is wrong, in sentences (store away, saves failing, draining). */
  public Future<List<String>> readiness() {
    throw new UnsupportedOperationException();
  }

  /** Ids of the sessions in memory. */
  public Set<String> getLoadedSessions() {
    throw new UnsupportedOperationException();
  }
}
