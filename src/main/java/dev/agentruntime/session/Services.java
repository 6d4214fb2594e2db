package dev.agentruntime.session;

import dev.agentruntime.agent.AgentArchitecture;
import dev.agentruntime.config.Settings;
import dev.agentruntime.metrics.RuntimeMetrics;
import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.sandbox.SandboxProvider;
import io.vertx.core.Vertx;
import java.time.Clock;
import java.util.Map;

/**
 * What all sessions share.
 *
 * @param architectures by their type
 * @param node by which this server is known to the others on its store, and to its next run
 */
public record Services(Vertx vertx, Settings settings, Clock clock, RuntimeMetrics metrics, PersistenceAdapter persistence,
                       SandboxProvider sandboxes, Map<String, AgentArchitecture> architectures, Profiles profiles, String node) {}
