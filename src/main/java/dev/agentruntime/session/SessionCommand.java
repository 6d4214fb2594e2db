package dev.agentruntime.session;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.Position;
import dev.agentruntime.protocol.SendMessage;
import dev.agentruntime.protocol.SessionListItem;
import dev.agentruntime.protocol.SessionSnapshot;
import dev.agentruntime.protocol.WorkspaceFile;
import io.vertx.core.buffer.Buffer;
import java.util.List;

/** What a session can be told, through its one mailbox. @param <R> the answer */
sealed interface SessionCommand<R> {

  /** The snapshot as JSON. */
  record Get() implements SessionCommand<byte[]> {}

  record GetState() implements SessionCommand<SessionSnapshot> {}

  /** @param since {@code null} for a snapshot */
  record Join(Position since) implements SessionCommand<Joined> {}

  record Send(SendMessage message) implements SessionCommand<SendMessage.Accepted> {}

  record Interrupt() implements SessionCommand<Void> {}

  /** {@code null} leaves a field. */
  record Patch(String name, ObjectNode metadata) implements SessionCommand<SessionListItem> {}

  record MergeOptions(ObjectNode options) implements SessionCommand<ObjectNode> {}

  record Sync() implements SessionCommand<Void> {}

  /** Says in the store that this server looks after the session, and saves what has changed. */
  record Beat() implements SessionCommand<Void> {}

  /** Ends what runs, saves, terminates the sandbox. */
  record Unload() implements SessionCommand<Void> {}

  /** As {@link Unload}, unless the session is used again by then. */
  record UnloadIdle(long idleMs) implements SessionCommand<Void> {}

  /** As {@link Unload}, then erases. */
  record Delete() implements SessionCommand<Void> {}

  /** The server goes: saves, and leaves a running turn to the next one. */
  record HandOver() implements SessionCommand<Void> {}

  record ListFiles() implements SessionCommand<List<WorkspaceFile>> {}

  record StatFile(String path) implements SessionCommand<WorkspaceFile> {}

  record ReadFile(String path, long offset, int length) implements SessionCommand<Buffer> {}

  record WriteFile(String path, Buffer content) implements SessionCommand<Boolean> {}

  record DeleteFile(String path) implements SessionCommand<Void> {}
}
