package dev.agentruntime.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.metrics.RuntimeMetrics;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;

/** However clients join, leave, lag and come back: each folds, without a gap or a double, to the session's own state. */
class FeedPropertiesTest {

  enum What { WORK, FLOOD, STOP_READING, READ_SOME, READ_ALL, JOIN, JOIN_SINCE, LEAVE, UNLOAD, LOAD, LOOP_TURN, RUN }

  record Step(What what, int client) {}

  private final Deque<Runnable> tasks = new ArrayDeque<>();
  private final RuntimeMetrics metrics = new RuntimeMetrics(new SimpleMeterRegistry());

  @Provide
  Arbitrary<List<Step>> steps() {
    Arbitrary<What> what = Arbitraries.frequencyOf(
        Tuple.of(6, Arbitraries.just(What.WORK)), Tuple.of(1, Arbitraries.just(What.FLOOD)),
        Tuple.of(3, Arbitraries.of(What.STOP_READING, What.READ_SOME, What.READ_ALL)),
        Tuple.of(3, Arbitraries.of(What.JOIN, What.JOIN_SINCE, What.LEAVE)),
        Tuple.of(1, Arbitraries.of(What.UNLOAD, What.LOAD)),
        Tuple.of(5, Arbitraries.of(What.LOOP_TURN, What.RUN)));
    return Combinators.combine(what, Arbitraries.integers().between(0, 1)).as(Step::new).list().ofMinSize(5).ofMaxSize(120);
  }

  @Property(tries = 1500)
  void everyClientFoldsToTheState(@ForAll("steps") List<Step> steps, @ForAll long seed) {
    tasks.clear();
    FakeSession[] session = new FakeSession[1];
    LoopFeeds feeds = new LoopFeeds(tasks::add, tasks::add, id -> session[0].join(null), metrics);
    session[0] = new FakeSession(seed, 3_000, event -> tasks.add(() -> feeds.lifecycle(event)));
    FakeClient[] clients = {new FakeClient(feeds, tasks::add), new FakeClient(feeds, tasks::add)};
    for (Step step : steps) {
      perform(step.what(), session[0], clients[step.client()]);
    }
    Arrays.stream(clients).forEach(client -> client.room(Long.MAX_VALUE));
    session[0].load();
    session[0].work(1);
    run();
    for (FakeClient client : clients) {
      if (client.follows()) {
        assertThat(client.live()).isTrue();
        assertThat(client.fold().snapshot()).isEqualTo(session[0].snapshot());
      }
    }
    session[0].delete();
    run();
    for (FakeClient client : clients) {
      assertThat(client.follows()).isFalse();
    }
  }

  private void perform(What what, FakeSession session, FakeClient client) {
    switch (what) {
      case WORK -> session.work(7);
      case FLOOD -> session.work(200);
      case STOP_READING -> client.room(0);
      case READ_SOME -> client.room(500);
      case READ_ALL -> client.room(Long.MAX_VALUE);
      case JOIN -> client.join(session, false);
      case JOIN_SINCE -> client.join(session, true);
      case LEAVE -> client.leave();
      case UNLOAD -> session.unload();
      case LOAD -> session.load();
      case LOOP_TURN -> {
        if (!tasks.isEmpty()) {
          tasks.poll().run();
        }
      }
      case RUN -> run();
    }
  }

  private void run() {
    for (int i = 0; !tasks.isEmpty(); i++) {
      assertThat(i).as("the loop comes to rest").isLessThan(100_000);
      tasks.poll().run();
    }
  }
}
