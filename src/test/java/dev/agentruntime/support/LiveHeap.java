package dev.agentruntime.support;

import java.lang.management.ManagementFactory;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.management.JMException;
import javax.management.ObjectName;

/** What this process holds in its heap. */
public final class LiveHeap {

  private static final Pattern TOTAL = Pattern.compile("Total\\s+\\d+\\s+(\\d+)");

  private LiveHeap() {}

  /** What a full collection leaves. */
  public static long bytes() throws JMException {
    String histogram = (String) ManagementFactory.getPlatformMBeanServer().invoke(new ObjectName("com.sun.management:type=DiagnosticCommand"),
        "gcClassHistogram", new Object[] {new String[0]}, new String[] {String[].class.getName()});
    Matcher total = TOTAL.matcher(histogram);
    if (!total.find()) {
      throw new AssertionError(histogram);
    }
    return Long.parseLong(total.group(1));
  }
}
