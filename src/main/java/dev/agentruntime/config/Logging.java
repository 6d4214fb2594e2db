package dev.agentruntime.config;

import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.joran.JoranConfigurator;
import ch.qos.logback.core.joran.spi.JoranException;
import java.net.URL;
import org.slf4j.LoggerFactory;

/**
 * Puts {@code conf/logback.xml} in force, with the settings of the section {@code log}. For the server's own main: an application that
 * embeds the runtime keeps its own logging.
 */
public final class Logging {

  private static final String CONFIGURATION = "/conf/logback.xml";

  private Logging() {}

  /** Leaves a configuration alone that the operator named with {@code -Dlogback.configurationFile}. */
  public static void configure(Settings.Log log) {
    if (System.getProperty("logback.configurationFile") == null && LoggerFactory.getILoggerFactory() instanceof LoggerContext context) {
      configure(context, log);
    }
  }

  static void configure(LoggerContext context, Settings.Log log) {
    URL configuration = Logging.class.getResource(CONFIGURATION);
    context.reset();
    context.putProperty("log.format", log.format());
    context.putProperty("log.level", log.level());
    JoranConfigurator configurator = new JoranConfigurator();
    configurator.setContext(context);
    try {
      configurator.doConfigure(configuration);
    } catch (JoranException e) {
      throw new IllegalStateException("conf/logback.xml cannot be used", e);
    }
  }
}
