package dev.agentruntime.persistence;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.protocol.Json;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.Supplier;

/** What the parts of {@link PersistenceContract} share: the adapter, and words to speak to it with. */
public interface StoreUnderTest {

  long AWAIT_SECONDS = Long.getLong("contract.await.seconds", 60);

  /** The first owner of every session that {@link #create()} makes. */
  String EPOCH = "epoch-1";

  /** As long as a name may be, and of characters that databases trip over. */
  String LONG_NAME = "'\"\\%_;--\t \u00e9e\u0301\u4e2d\ud83d\ude80".repeat(64).substring(0, 512);

  /** Started. */
  PersistenceAdapter store();

  /** A new session without transcripts and files, owned by {@link #EPOCH}. */
  default String create() {
    SessionRecord record = record(UUID.randomUUID().toString());
    await(store().createSessionRecord(record, EPOCH));
    return record.sessionId();
  }

  default void append(String sessionId, String name, long offset, String text) {
    await(store().saveTranscript(sessionId, EPOCH, name, offset, bytes(text)));
  }

  default String transcript(String sessionId, String name) {
    return await(store().readTranscript(sessionId, name, 0, Integer.MAX_VALUE)).toString();
  }

  default String file(String sessionId, String path) {
    return await(store().readWorkspaceFile(sessionId, path, 0, Integer.MAX_VALUE)).toString();
  }

  /** The session as its next owner finds it. The owner stays {@link #EPOCH}. */
  default StoredSession load(String sessionId) {
    Optional<StoredSession> loaded = await(store().loadSession(sessionId, EPOCH));
    assertThat(loaded).isPresent();
    return loaded.get();
  }

  default SessionRecord record(String sessionId) {
    return record(sessionId, 1_700_000_000_000L);
  }

  /** What is older was active last: of the two times only one says where it is in lists. */
  default SessionRecord record(String sessionId, long createdAt) {
    return new SessionRecord(sessionId, "claude-agent-sdk", "default", null, createdAt, -createdAt, Json.object(), null, null);
  }

  /** With something in every field. */
  default SessionRecord full(String sessionId) {
    return new SessionRecord(sessionId, "opencode", "profile/\u00fc", "N\u00e4me \ud83d\ude80 'quoted'",
        1_700_000_000_123L, 1_700_000_100_456L,
        json("{\"model\":\"m\",\"n\":1.5,\"big\":9007199254740993,\"deep\":{\"list\":[1,null,true,\"\\u0000\"]}}"),
        json("{\"'; DROP TABLE session; --\":\"\\uD83D\\uDE80\"}"),
        json("{\"turnId\":\"t\",\"offset\":12345678901}"));
  }

  default ObjectNode json(String text) {
    try {
      return (ObjectNode) Json.tree(text);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e);
    }
  }

  default Buffer bytes(String text) {
    return Buffer.buffer(text);
  }

  /** Bytes of every value, NUL included, and the same for the same seed. */
  default Buffer randomBytes(int length, long seed) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return Buffer.buffer(bytes);
  }

  /** Says where bytes differ, rather than printing megabytes of them. */
  default void assertBytes(Buffer actual, Buffer expected) {
    int differ = Arrays.mismatch(actual.getBytes(), expected.getBytes());
    assertThat(differ).as("%d bytes, expected %d; first difference at", actual.length(), expected.length()).isEqualTo(-1);
  }

  /** While something is replaced it is there, whole: never a mixture, and never nothing. */
  default void readersSeeTheOldOrTheNew(Function<Buffer, Future<Void>> replace, Supplier<Future<Buffer>> read, Supplier<Future<Long>> size) {
    int length = 3 * 1024 * 1024;
    Buffer zeros = Buffer.buffer(new byte[length]);
    byte[] ones = new byte[length];
    Arrays.fill(ones, (byte) 1);
    await(replace.apply(zeros));
    for (int i = 0; i < 6; i++) {
      Future<Void> replaced = replace.apply(i % 2 == 0 ? Buffer.buffer(ones) : zeros);
      List<Future<Buffer>> reads = new ArrayList<>();
      List<Future<Long>> sizes = new ArrayList<>();
      for (int r = 0; r < 4; r++) {
        reads.add(read.get());
        sizes.add(size.get());
      }
      await(replaced);
      for (Future<Buffer> each : reads) {
        Buffer seen = await(each);
        assertThat(seen.length()).isEqualTo(length);
        assertThat(seen.getByte(0)).isEqualTo(seen.getByte(length / 2)).isEqualTo(seen.getByte(length - 1));
      }
      sizes.forEach(each -> assertThat(await(each)).isEqualTo(length));
    }
  }

  default <T> T await(Future<T> future) {
    try {
      return future.toCompletionStage().toCompletableFuture().get(AWAIT_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof PersistenceException known) {
        throw known;
      }
      throw new AssertionError("failures are PersistenceExceptions", e.getCause());
    } catch (TimeoutException | InterruptedException e) {
      throw new AssertionError("no answer within " + AWAIT_SECONDS + " s", e);
    }
  }

  /** Waits for a failure, which has to be a {@link PersistenceException} of this kind. */
  default PersistenceException refused(Kind kind, Future<?> future) {
    try {
      Object answer = await(future);
      throw new AssertionError("expected " + kind + ", got " + answer);
    } catch (PersistenceException e) {
      assertThat(e.kind()).as(e.getMessage()).isEqualTo(kind);
      assertThat(e.getMessage()).isNotBlank();
      return e;
    }
  }
}
