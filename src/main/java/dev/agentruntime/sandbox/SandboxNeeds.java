package dev.agentruntime.sandbox;

import java.util.List;

/**
 * What has to be in a sandbox before an agent can start there, and what the sandbox should be like. A provider that {@linkplain
 * SandboxProvider#equips equips} its sandboxes sees to it, once for all that need the same.
 *
 * @param systemPackages of Debian
 * @param programs npm packages with their versions, whose executables are on the search path
 * @param npmPackages for the agent's own programs, on {@code NODE_PATH}, their executables on the search path
 * @param pipPackages as {@code npmPackages}, on {@code PYTHONPATH}
 * @param files in a {@linkplain Sandbox#supplied folder} of the provider's choice, from where Node.js finds the npm packages too
 */
public record SandboxNeeds(List<String> systemPackages, List<String> programs, List<String> npmPackages, List<String> pipPackages,
                           SuppliedFiles files, Wishes wishes) {

  public static final SandboxNeeds NOTHING = new SandboxNeeds(List.of(), List.of(), List.of(), List.of(), SuppliedFiles.NONE, Wishes.NONE);

  public SandboxNeeds {
    systemPackages = List.copyOf(systemPackages);
    programs = List.copyOf(programs);
    npmPackages = List.copyOf(npmPackages);
    pipPackages = List.copyOf(pipPackages);
  }

  /**
   * What a profile wants otherwise than the settings say; {@code null} for as they say. A provider that cannot give it passes it over.
   *
   * @param baseImage of a registry
   * @param milliCpu thousandths of a core
   * @param network {@code open}, {@code blocked} or {@code allowlist}
   */
  public record Wishes(String baseImage, Integer milliCpu, Integer memoryMib, List<String> regions, String network,
                       List<String> allowedDomains, List<String> allowedCidrs) {

    public static final Wishes NONE = new Wishes(null, null, null, null, null, null, null);

    public Wishes {
      regions = regions == null ? null : List.copyOf(regions);
      allowedDomains = allowedDomains == null ? null : List.copyOf(allowedDomains);
      allowedCidrs = allowedCidrs == null ? null : List.copyOf(allowedCidrs);
    }
  }
}
