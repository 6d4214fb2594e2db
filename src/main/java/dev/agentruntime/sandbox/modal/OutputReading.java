package dev.agentruntime.sandbox.modal;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;

/**
 * One reading of a process' output. The supervisor sends no more than it was given room for, so that a consumer that waits holds back neither
 * what else the sandbox says nor fills the memory. On the router's event loop, but for {@link #stop}.
 */
final class OutputReading {

  /** What may be on its way or wait here. */
  private static final int ROOM_BYTES = 1 << 20;

  private final Supervisor supervisor;
  private final String processId;
  private final Function<Buffer, Future<Void>> consumer;
  private final Promise<Void> done = Promise.promise();
  private final Queue<Buffer> waiting = new ArrayDeque<>();
  private final ReentrantLock handing = new ReentrantLock();
  private int question;
  private long received;
  private int waitingBytes;
  private int consumedBytes;
  private boolean out;
  private boolean complete;
  private volatile boolean stopped;

  OutputReading(Supervisor supervisor, String processId, long offset, Function<Buffer, Future<Void>> consumer) {
    this.supervisor = supervisor;
    this.processId = processId;
    this.received = offset;
    this.consumer = consumer;
  }

  Future<Void> start() {
    Future<Supervisor.Answer> end = supervisor.follow(this::question, id -> question = id, this::received);
    supervisor.loop().run(() -> supervisor.loop().here(end).onComplete(ended -> {
      if (ended.failed() && !ModalFailure.isGone(ended.cause())) {
        finish(ended.cause());
      } else {
        complete = true;
        handOut();
      }
    }));
    return done.future();
  }

  /** When it returns no chunk will be handed out, and none is being handed out by another thread. */
  void stop() {
    handing.lock();
    try {
      stopped = true;
    } finally {
      handing.unlock();
    }
    supervisor.loop().run(() -> {
      finish(null);
      return Future.succeededFuture();
    });
  }

  /** Also for a supervisor that comes after: it goes on where the one before was. */
  private JsonObject question() {
    consumedBytes = 0;
    return new JsonObject().put("op", "follow").put("process", processId).put("offset", received).put("credit", ROOM_BYTES - waitingBytes);
  }

  private void received(Buffer chunk) {
    if (stopped) {
      return;
    }
    received += chunk.length();
    waitingBytes += chunk.length();
    waiting.add(chunk);
    handOut();
  }

  private void handOut() {
    while (!out && !stopped) {
      Buffer chunk = waiting.poll();
      if (chunk == null) {
        if (complete) {
          finish(null);
        }
        return;
      }
      Future<Void> consumed = handOut(chunk);
      if (consumed == null) {
        return;
      }
      if (consumed.succeeded()) {
        consumed(chunk);
      } else {
        supervisor.loop().here(consumed).onComplete(result -> {
          if (result.failed()) {
            finish(result.cause());
          } else {
            consumed(chunk);
            handOut();
          }
        });
      }
    }
  }

  /** @return {@code null} if it was stopped before */
  private Future<Void> handOut(Buffer chunk) {
    handing.lock();
    try {
      if (stopped) {
        return null;
      }
      out = true;
      return consumer.apply(chunk);
    } catch (RuntimeException e) {
      return Future.failedFuture(e);
    } finally {
      handing.unlock();
    }
  }

  private void consumed(Buffer chunk) {
    out = false;
    waitingBytes -= chunk.length();
    consumedBytes += chunk.length();
    if (consumedBytes >= ROOM_BYTES / 2 && !complete) {
      supervisor.tell(about("credit").put("bytes", consumedBytes));
      consumedBytes = 0;
    }
  }

  private void finish(Throwable failure) {
    stopped = true;
    waiting.clear();
    if (!complete) {
      complete = true;
      supervisor.forget(question);
      supervisor.tell(about("unfollow"));
    }
    if (failure == null) {
      done.tryComplete();
    } else {
      done.tryFail(failure);
    }
  }

  private JsonObject about(String operation) {
    return new JsonObject().put("op", operation).put("follow", question);
  }
}
