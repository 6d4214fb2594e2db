package dev.agentruntime.sandbox.modal;

import io.vertx.core.MultiMap;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells the operator what the service warns of, each once (trailer {@code x-modal-warning}, npm modal 0.11.1, index.js 74032-74065). */
final class Warnings {

  private static final Logger log = LoggerFactory.getLogger(Warnings.class);
  private static final int MOST = 100;

  private final Set<String> told = ConcurrentHashMap.newKeySet();

  void log(MultiMap trailers) {
    for (String joined : trailers.getAll("x-modal-warning")) {
      for (String warning : joined.split(",")) {
        String words = Exchange.decode(warning.strip());
        if (!words.isEmpty() && told.size() < MOST && told.add(words)) {
          log.warn("Modal warns: {}", words);
        }
      }
    }
  }
}
