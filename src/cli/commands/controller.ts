import type { Command } from 'commander';
import { collect, wholeNumber } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { usageError } from '../exit.ts';
import type { GlobalFlags } from '../globals.ts';
import { hostAndPort } from './daemon.ts';

interface ControllerFlags extends GlobalFlags {
  listen?: { host: string; port: number };
  shards: number;
  onlyNamespace?: string;
  routerMetrics: string[];
  ingressPort: number;
}

export function registerController(program: Command, ctx: CliContext): void {
  program
    .command('controller')
    .summary('run the controller of a cluster; `install` puts it there as a Deployment')
    .description(
      'Runs the controller in this process until it is stopped: in a pod with the rights of its service account, elsewhere with those of the kubeconfig. It takes up Apps of the cluster, releases them, and leads through Leases in its own namespace (--namespace).',
    )
    .option('--listen <host:port>', 'serve /healthz, /readyz and /metrics there', hostAndPort)
    .option('--shards <number>', 'shares of the Apps, each with a Lease of its own', wholeNumber, 1)
    .option('--only-namespace <name>', 'only Apps of this namespace')
    .option(
      '--router-metrics <url>',
      'metrics page of Traefik, to measure the split by; every address of its name is asked; may be repeated',
      collect,
      [],
    )
    .option('--ingress-port <number>', 'port at which Ingresses are served, to ask there', wholeNumber, 80)
    .action(async function run(this: Command) {
      const flags = this.optsWithGlobals<ControllerFlags>();
      const { kubeconfig, context, namespace, listen, shards, onlyNamespace } = flags;
      if (shards < 1) throw usageError('--shards must be at least 1');
      await ctx.runController({
        shards,
        routerMetrics: flags.routerMetrics,
        ingressPort: flags.ingressPort,
        ...(kubeconfig === undefined ? {} : { kubeconfig }),
        ...(context === undefined ? {} : { context }),
        ...(namespace === undefined ? {} : { namespace }),
        ...(onlyNamespace === undefined ? {} : { onlyNamespace }),
        ...(listen === undefined ? {} : { listen }),
      });
    });
}
