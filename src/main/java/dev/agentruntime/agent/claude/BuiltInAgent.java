package dev.agentruntime.agent.claude;

import io.vertx.core.buffer.Buffer;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * An agent that comes with the runtime and needs no key. Where the runtime runs it is there already; anywhere else it is taken along.
 *
 * @param command where the runtime runs: the executable and its first arguments
 * @param systemPackages what a sandbox elsewhere has to have
 * @param commandElsewhere given the absolute path of the folder that {@code files} are put into
 * @param files by name
 */
public record BuiltInAgent(List<String> command, List<String> systemPackages, Function<String, List<String>> commandElsewhere,
                           Supplier<Map<String, Buffer>> files) {}
