package dev.agentruntime.bench;

import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.persistence.convex.ConvexServers;
import dev.agentruntime.persistence.memory.InMemoryPersistence;
import dev.agentruntime.persistence.sql.DatabaseServers;
import dev.agentruntime.persistence.sql.SqlPersistence;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.support.MeasuredStore;
import dev.agentruntime.support.Written;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.LongStream;

/**
 * The stores side by side: sessions created, 1 KB appends to transcripts and session loads per second, with their 99th percentile and the
 * bytes that are written for each, many at once; and bytes written for a KB that is appended alone. The servers are those of the tests, on
 * this machine, and do not force commits to the disk.
 */
final class StoresBench implements Bench.Figure {

  private static final int AT_ONCE = 16;
  private static final int ROUNDS = 3;
  private static final long SLICE_NANOS = 2_000_000_000L;
  private static final int JOURNAL_BYTES = 64 * 1024;
  /** Where a transcript is begun anew, for the sake of the store in memory. */
  private static final int LONGEST_BYTES = 4 << 20;
  private static final int COUNTED_APPENDS = 200;
  private static final String EPOCH = "bench";
  private static final String NAME = "journal.jsonl";
  private static final Buffer KILOBYTE = Buffer.buffer("x".repeat(1023) + "\n");

  /** One thing that a lane does again and again. */
  private interface Step {
    void run(Lane lane) throws Exception;
  }

  /** A session that one caller at a time works on. */
  private static final class Lane {
    final PersistenceAdapter store;
    String session;
    long length;

    Lane(PersistenceAdapter store) {
      this.store = store;
      create();
    }

    void create() {
      session = UUID.randomUUID().toString();
      length = 0;
      await(store.createSessionRecord(new SessionRecord(session, "claude-agent-sdk", "default", "a name", System.currentTimeMillis(),
          System.currentTimeMillis(), Json.object().put("model", "m"), null, null), EPOCH));
    }

    void append() {
      if (length >= LONGEST_BYTES) {
        await(store.deleteSession(session, EPOCH));
        create();
      }
      await(store.saveTranscript(session, EPOCH, NAME, length, KILOBYTE));
      length += KILOBYTE.length();
    }

    void load() {
      await(store.loadSession(session, EPOCH)).orElseThrow();
      await(store.readTranscript(session, NAME, 0, JOURNAL_BYTES));
    }
  }

  private static final Map<String, Step> STEPS = new LinkedHashMap<>();

  static {
    STEPS.put("sessions created", Lane::create);
    STEPS.put("appends of 1 KB", Lane::append);
    STEPS.put("loads, with 64 KB of journal", Lane::load);
  }

  /** What was measured of one step on one store. */
  private static final class Measured {
    private final List<Double> perSecond = new ArrayList<>();
    private long[] latencies = {};
    private long writtenBytes;

    void add(long[] slice, long nanos, long written) {
      perSecond.add(slice.length * 1e9 / nanos);
      writtenBytes += written;
      latencies = LongStream.concat(Arrays.stream(latencies), Arrays.stream(slice)).toArray();
    }

    double median() {
      return perSecond.stream().sorted().toList().get(perSecond.size() / 2);
    }

    double p99Ms() {
      Arrays.sort(latencies);
      return latencies[(int) (latencies.length * 0.99)] / 1e6;
    }

    @Override
    public String toString() {
      return "%,.0f /s, p99 %.1f ms, %,d bytes written for each".formatted(median(), p99Ms(), writtenBytes / latencies.length);
    }
  }

  @Override
  public void measure(Table table) throws Exception {
    Vertx vertx = Vertx.vertx();
    List<MeasuredStore> stores = stores(vertx);
    for (MeasuredStore store : stores) {
      await(store.adapter().start());
    }
    STEPS.forEach((name, step) -> compare(table, stores, name, step));
    for (MeasuredStore store : stores) {
      table.row(store.name() + ": bytes written for a lone KB", "%,.0f".formatted(written(store)), "", "", "printed");
    }
    for (MeasuredStore store : stores) {
      await(store.adapter().close());
    }
    await(vertx.close());
  }

  private static List<MeasuredStore> stores(Vertx vertx) throws Exception {
    return List.of(
        new MeasuredStore("SQLite", SqlPersistence.sqlite(vertx, Path.of("target", "bench", UUID.randomUUID() + ".db")),
            () -> Written.bytes(ProcessHandle.current().pid())),
        new MeasuredStore("memory", new InMemoryPersistence(), () -> 0),
        DatabaseServers.postgresql(vertx), DatabaseServers.supabase(vertx), DatabaseServers.mariaDb(vertx), ConvexServers.deployment(vertx));
  }

  /** In slices that take turns. The first round warms up and is not counted. */
  private static void compare(Table table, List<MeasuredStore> stores, String name, Step step) {
    Map<MeasuredStore, List<Lane>> lanes = new LinkedHashMap<>();
    Map<MeasuredStore, Measured> measured = new LinkedHashMap<>();
    for (MeasuredStore store : stores) {
      measured.put(store, new Measured());
      lanes.put(store, new ArrayList<>());
      for (int i = 0; i < AT_ONCE; i++) {
        Lane lane = new Lane(store.adapter());
        while (lane.length < JOURNAL_BYTES) {
          lane.append();
        }
        lanes.get(store).add(lane);
      }
    }
    for (int round = 0; round <= ROUNDS; round++) {
      for (MeasuredStore store : (round & 1) == 0 ? stores : stores.reversed()) {
        long written = store.writtenBytes().getAsLong();
        long start = System.nanoTime();
        long[] latencies = slice(lanes.get(store), step);
        if (round > 0) {
          measured.get(store).add(latencies, System.nanoTime() - start, store.writtenBytes().getAsLong() - written);
        }
      }
    }
    Measured reference = measured.get(stores.getFirst());
    measured.forEach((store, found) -> table.row(store.name() + ": " + name, found.toString(),
        found == reference ? "" : stores.getFirst().name() + " " + reference, found == reference ? ""
            : "%.2f".formatted(found.median() / reference.median()), "printed"));
  }

  private static long[] slice(List<Lane> lanes, Step step) {
    long end = System.nanoTime() + SLICE_NANOS;
    try (ExecutorService threads = Executors.newFixedThreadPool(lanes.size())) {
      List<Callable<long[]>> callers = lanes.stream().<Callable<long[]>>map(lane -> () -> {
        LongStream.Builder latencies = LongStream.builder();
        for (long before = System.nanoTime(); before < end; ) {
          step.run(lane);
          long after = System.nanoTime();
          latencies.add(after - before);
          before = after;
        }
        return latencies.build().toArray();
      }).toList();
      LongStream all = LongStream.empty();
      for (var caller : threads.invokeAll(callers)) {
        all = LongStream.concat(all, Arrays.stream(caller.get()));
      }
      return all.toArray();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  /** One append after another, so that none shares a commit. */
  private static double written(MeasuredStore store) {
    Lane lane = new Lane(store.adapter());
    lane.append();
    long before = store.writtenBytes().getAsLong();
    for (int i = 0; i < COUNTED_APPENDS; i++) {
      lane.append();
    }
    return (store.writtenBytes().getAsLong() - before) / (double) COUNTED_APPENDS;
  }

  private static <T> T await(Future<T> future) {
    return future.toCompletionStage().toCompletableFuture().join();
  }
}
