package dev.agentruntime.persistence.convex;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.protocol.Json;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;

/** Transcripts and files. What is large goes to and fro in parts, each in a call and transaction of its own. */
final class ConvexContents {

  enum ContentKind {
    TRANSCRIPT("transcript"),
    FILE("file");

    final String word;

    ContentKind(String word) {
      this.word = word;
    }
  }

  /** The smallest class of deployments takes 4 MiB of writes in a second. */
  private static final int PART_BYTES = 2 * 1024 * 1024;

  /** How often a read begins anew because the content was replaced in the middle of it. */
  private static final int MOST_RESTARTS = 20;

  private final ConvexClient client;

  ConvexContents(ConvexClient client) {
    this.client = client;
  }

  Future<Void> append(String sessionId, String epoch, String name, long offset, Buffer bytes) {
    return offset < 0 ? invalid() : appendFrom(sessionId, epoch, name, offset, bytes, 0);
  }

  private Future<Void> appendFrom(String sessionId, String epoch, String name, long offset, Buffer bytes, int from) {
    int to = Math.min(bytes.length(), from + PART_BYTES);
    ObjectNode arguments = Json.object().put("sessionId", sessionId).put("epoch", epoch).put("name", name);
    arguments.set("offset", ConvexValues.integer(offset + from));
    arguments.set("bytes", ConvexValues.bytes(bytes.getBytes(from, to)));
    Future<JsonNode> appended = client.write("contents:append", arguments);
    return to == bytes.length()
        ? appended.mapEmpty()
        : appended.compose(done -> appendFrom(sessionId, epoch, name, offset, bytes, to));
  }

  Future<Void> put(String sessionId, String epoch, ContentKind kind, String name, long modifiedAt, Buffer bytes) {
    return putFrom(sessionId, epoch, kind, name, modifiedAt, bytes, 0, null);
  }

  /** @param staged what the call before has answered, {@code null} for the first */
  private Future<Void> putFrom(String sessionId, String epoch, ContentKind kind, String name, long modifiedAt, Buffer bytes, int from,
                               String staged) {
    int to = Math.min(bytes.length(), from + PART_BYTES);
    ObjectNode arguments = Json.object().put("sessionId", sessionId).put("epoch", epoch).put("kind", kind.word).put("name", name)
        .put("staged", staged).put("last", to == bytes.length());
    arguments.set("modifiedAt", ConvexValues.integer(modifiedAt));
    arguments.set("offset", ConvexValues.integer(from));
    arguments.set("bytes", ConvexValues.bytes(bytes.getBytes(from, to)));
    // A later part names what it belongs to: late, it finds it published or gone.
    Future<JsonNode> put = staged == null ? client.write("contents:put", arguments) : client.mutation("contents:put", arguments);
    return to == bytes.length()
        ? put.mapEmpty()
        : put.compose(content -> putFrom(sessionId, epoch, kind, name, modifiedAt, bytes, to, content.asText()));
  }

  Future<Void> removeFile(String sessionId, String epoch, String path) {
    return client.write("contents:removeFile", Json.object().put("sessionId", sessionId).put("epoch", epoch).put("name", path))
        .mapEmpty();
  }

  Future<Buffer> read(String sessionId, ContentKind kind, String name, long offset, int length) {
    return offset < 0 || length < 0 ? invalid() : new Reading(sessionId, kind, name, offset, length).next();
  }

  private static <T> Future<T> invalid() {
    return Future.failedFuture(new PersistenceException(Kind.INVALID, "an offset or length is negative"));
  }

  /** One range, part by part, all of them of the same content: one that is replaced meanwhile is read from the start again. */
  private final class Reading {
    private final String sessionId;
    private final ContentKind kind;
    private final String name;
    private final long offset;
    private final int length;
    private Buffer read = Buffer.buffer();
    private String content;
    private int restarts;

    Reading(String sessionId, ContentKind kind, String name, long offset, int length) {
      this.sessionId = sessionId;
      this.kind = kind;
      this.name = name;
      this.offset = offset;
      this.length = length;
    }

    Future<Buffer> next() {
      int most = Math.min(PART_BYTES, length - read.length());
      // Beyond the largest offset there is nothing either.
      long at = offset + read.length() < offset ? Long.MAX_VALUE : offset + read.length();
      ObjectNode arguments = Json.object().put("sessionId", sessionId).put("kind", kind.word).put("name", name).put("most", most);
      arguments.set("offset", ConvexValues.integer(at));
      return client.query("contents:read", arguments).compose(answer -> accept(answer, at, most));
    }

    private Future<Buffer> accept(JsonNode answer, long at, int most) {
      String answered = answer.path("content").asText();
      if (content != null && !content.equals(answered)) {
        return restart();
      }
      content = answered;
      long rest = Math.max(0, answer.path("length").asLong() - at);
      byte[] bytes = ConvexValues.bytes(answer.path("bytes"));
      if (bytes.length != Math.min(most, rest)) {
        return Future.failedFuture(new PersistenceException(Kind.UNAVAILABLE, "the store has lost a part of this content"));
      }
      read.appendBytes(bytes);
      return read.length() == length || bytes.length == rest ? Future.succeededFuture(read) : next();
    }

    private Future<Buffer> restart() {
      if (restarts++ == MOST_RESTARTS) {
        return Future.failedFuture(new PersistenceException(Kind.UNAVAILABLE, "the content is replaced faster than it can be read"));
      }
      read = Buffer.buffer();
      content = null;
      return next();
    }
  }
}
