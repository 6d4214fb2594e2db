package dev.agentruntime.persistence.copy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.persistence.StoredSession;
import dev.agentruntime.protocol.Json;
import io.vertx.core.buffer.Buffer;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.Map;

/** SHA-256 of a session: the same in every store that has the same of it, byte for byte. */
final class SessionDigest {

  /** What is read of a transcript or file at once. */
  static final int CHUNK_BYTES = 1 << 20;

  /** A store may keep the fields of a JSON object in an order of its own. */
  private static final ObjectWriter SORTED = Json.MAPPER.writer(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS);

  private final MessageDigest digest;

  private SessionDigest() {
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Of the record alone. */
  static byte[] of(SessionRecord record) {
    SessionDigest all = new SessionDigest();
    all.add(record);
    return all.digest.digest();
  }

  /** Of the record and of what there is beside it, without its bytes. */
  static byte[] of(StoredSession session) {
    SessionDigest all = new SessionDigest();
    all.add(session.record());
    sorted(session).transcripts().forEach(transcript -> all.add(transcript.name()).add(transcript.length()));
    sorted(session).files().forEach(file -> all.add(file.path()).add(file.size()).add(file.modifiedAt()));
    return all.digest.digest();
  }

  /** Of everything, read from {@code store}. */
  static byte[] of(StoredSession session, PatientStore store) {
    String id = session.record().sessionId();
    SessionDigest all = new SessionDigest();
    all.add(of(session));
    for (StoredSession.Transcript transcript : sorted(session).transcripts()) {
      all.addContent(transcript.length(), at -> store.ask(s -> s.readTranscript(id, transcript.name(), at, CHUNK_BYTES)));
    }
    for (StoredSession.StoredFile file : sorted(session).files()) {
      all.addContent(file.size(), at -> store.ask(s -> s.readWorkspaceFile(id, file.path(), at, CHUNK_BYTES)));
    }
    return all.digest.digest();
  }

  private static StoredSession sorted(StoredSession session) {
    return new StoredSession(session.record(),
        session.transcripts().stream().sorted(Comparator.comparing(StoredSession.Transcript::name)).toList(),
        session.files().stream().sorted(Comparator.comparing(StoredSession.StoredFile::path)).toList());
  }

  private interface Content {
    Buffer readFrom(long offset);
  }

  /** Up to the length that it is said to have: what grows meanwhile is another matter. */
  private void addContent(long length, Content content) {
    long at = 0;
    while (at < length) {
      Buffer chunk = content.readFrom(at);
      if (chunk.length() == 0) {
        throw new PersistenceException(PersistenceException.Kind.NOT_FOUND, "a content is shorter than the store says");
      }
      int some = (int) Math.min(chunk.length(), length - at);
      digest.update(chunk.getBytes(0, some));
      at += some;
    }
  }

  private void add(SessionRecord record) {
    try {
      add(SORTED.writeValueAsBytes(Json.MAPPER.convertValue(record, Map.class)));
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  private SessionDigest add(String text) {
    return add(text.getBytes(StandardCharsets.UTF_8));
  }

  private SessionDigest add(byte[] bytes) {
    add(bytes.length);
    digest.update(bytes);
    return this;
  }

  private SessionDigest add(long number) {
    digest.update(ByteBuffer.allocate(Long.BYTES).putLong(number).array());
    return this;
  }
}
