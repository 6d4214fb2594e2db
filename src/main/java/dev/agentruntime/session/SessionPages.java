package dev.agentruntime.session;

import dev.agentruntime.persistence.SessionPage;
import dev.agentruntime.persistence.SessionRecord;
import io.vertx.core.Future;
import java.util.function.BiFunction;
import java.util.function.Consumer;

/** Reads a list of the store to its end. */
final class SessionPages {

  private static final int PAGE = 500;

  private SessionPages() {}

  /** @param list a page of a limit, after a place */
  static Future<Void> read(BiFunction<Integer, String, Future<SessionPage>> list, Consumer<SessionRecord> each) {
    return readAfter(null, list, each);
  }

  private static Future<Void> readAfter(String after, BiFunction<Integer, String, Future<SessionPage>> list, Consumer<SessionRecord> each) {
    return list.apply(PAGE, after).compose(page -> {
      page.sessions().forEach(each);
      return page.next() == null ? Future.succeededFuture() : readAfter(page.next(), list, each);
    });
  }
}
