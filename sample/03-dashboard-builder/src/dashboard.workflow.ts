import { Injectable } from '@nestjs/common';
import { DurableWorkflow, Parallel, Step, stepSignal, unwrap, Workflow, type ParallelResults } from 'nest-durable';
import { setTimeout as pause } from 'node:timers/promises';

export interface DashboardInput {
  user: string;
  /** Sources that do not answer. */
  offline: string[];
}

interface Dashboard extends DashboardInput {
  widgets?: Record<string, string>;
  html?: string;
}

interface Widget {
  text: string;
}

interface Quotes {
  quotes: number[];
}

/** Stands for the services that a dashboard is made from. */
@Injectable()
export class Sources {
  async read(source: string, { offline }: DashboardInput, text: string): Promise<Widget> {
    await pause(50, undefined, { signal: stepSignal() });
    if (offline.includes(source)) throw new Error(`${source} does not answer`);
    return { text };
  }
}

/** Builds a dashboard from arms that run side by side: once with a collector, once without. */
@Workflow({ name: 'dashboard' })
export class DashboardWorkflow extends DurableWorkflow<DashboardInput, Dashboard> {
  constructor(private readonly sources: Sources) {
    super();
  }

  /** The collector gets what each arm gave, or why it failed; a source that is down costs one widget. */
  @Parallel({ weather: 'weather', news: 'news', stocks: ['quotes', 'trend'] }, { onError: 'completeAll' })
  widgets(
    dashboard: Dashboard,
    results: ParallelResults<{ weather: Widget; news: Widget; stocks: Widget }>,
  ): Dashboard {
    const widgets = Object.entries(results).map(([name, result]): [string, string] => [
      name,
      result.status === 'fulfilled' ? result.value.text : `not available: ${result.reason.message}`,
    ]);
    return { ...dashboard, widgets: Object.fromEntries(widgets) };
  }

  @Step()
  weather(dashboard: Dashboard): Promise<Widget> {
    return this.sources.read('weather', dashboard, '21 °C, sunny');
  }

  @Step({ retry: { maxAttempts: 2, initialDelay: 100 } })
  news(dashboard: Dashboard): Promise<Widget> {
    return this.sources.read('news', dashboard, 'Nothing happened today');
  }

  @Step()
  async quotes(dashboard: Dashboard): Promise<Quotes> {
    await this.sources.read('stocks', dashboard, '');
    return { quotes: [100, 103, 107] };
  }

  /** The second member of an arm gets what the first one gave. */
  @Step()
  trend({ quotes }: Quotes): Widget {
    const [first = 0] = quotes;
    return { text: `up by ${(quotes.at(-1) ?? first) - first}` };
  }

  /** A collector that returns nothing: the results stand in the data as `__results__`. */
  @Parallel(['avatar', 'badges'])
  profile(): void {}

  @Step()
  avatar({ user }: Dashboard): Widget {
    return { text: `[${user.slice(0, 1).toUpperCase()}]` };
  }

  @Step()
  badges(): Widget {
    return { text: '***' };
  }

  @Step()
  render(dashboard: Dashboard & { __results__: ParallelResults<{ avatar: Widget; badges: Widget }> }): Dashboard {
    const { __results__, ...rest } = dashboard;
    const { avatar, badges } = unwrap(__results__);
    const widgets = Object.entries(rest.widgets ?? {}).map(([name, text]) => `<p>${name}: ${text}</p>`);
    return { ...rest, html: `<h1>${avatar.text} ${rest.user} ${badges.text}</h1>${widgets.join('')}` };
  }
}
