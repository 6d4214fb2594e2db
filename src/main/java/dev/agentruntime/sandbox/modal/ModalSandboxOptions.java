package dev.agentruntime.sandbox.modal;

import java.util.List;

/**
 * What sandboxes on Modal are like, unless a profile wishes otherwise.
 *
 * @param environment of the workspace; empty for the token's own
 * @param imageBuilderVersion empty for the environment's own
 * @param runtimeId what the sandboxes are marked with; those with this mark that no session owns are ended
 * @param baseImage of a registry, with Node.js, npm and apt-get
 * @param milliCpu thousandths of a core
 * @param regions empty for any
 * @param network {@code open}, {@code blocked}, or {@code allowlist} for the next two
 * @param lifetimeMs at most a day; whole seconds
 * @param renewBeforeMs nothing new is begun in a sandbox that has no longer to live
 * @param idleTimeoutMs after which Modal ends a sandbox whose runtime is gone; whole seconds
 * @param leaseMs for which a sandbox believes that its runtime lives without hearing of it
 * @param startTimeoutMs how long Modal may take to find a place for a sandbox, and to build an image
 */
public record ModalSandboxOptions(String appName, String environment, String imageBuilderVersion, String runtimeId, String baseImage,
                                  int milliCpu, int memoryMib, List<String> regions, String network, List<String> allowedDomains,
                                  List<String> allowedCidrs, long lifetimeMs, long renewBeforeMs, long idleTimeoutMs, long leaseMs,
                                  long startTimeoutMs) {
  public ModalSandboxOptions {
    regions = List.copyOf(regions);
    allowedDomains = List.copyOf(allowedDomains);
    allowedCidrs = List.copyOf(allowedCidrs);
  }
}
