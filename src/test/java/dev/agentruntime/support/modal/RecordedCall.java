package dev.agentruntime.support.modal;

import com.google.protobuf.Message;
import io.vertx.core.MultiMap;

/**
 * A call that came.
 *
 * @param name of the method
 * @param question {@code null} for a stream of questions
 * @param nanos {@link System#nanoTime} when it came
 */
public record RecordedCall(String name, MultiMap headers, Message question, long nanos) {}
