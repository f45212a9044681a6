import type { RuleContext } from './rules.ts';

type Rule = (context: RuleContext) => void;

/** Labels and annotations of ours: what is selected and counted by them must not be chosen by a file. */
const OWN_PREFIX = 'crossfade.dev/';

const imageOrSource: Rule = ({ given, problem }) => {
  if (!given('image')) return;
  for (const field of ['source', 'build'] as const) {
    if (given(field)) {
      problem([field], 'cannot be given together with spec.image: an image is built already', {
        at: 'key',
        suggestion: 'remove one of the two',
      });
    }
  }
};

const clusterNeedsImage: Rule = ({ given, problem }) => {
  if (given('kubernetes') && !given('image')) {
    problem(['kubernetes'], 'says how a cluster runs spec.image, which is missing', {
      at: 'key',
      suggestion: 'add image: registry.example.com/shop:1.0',
    });
  }
};

/** Each router has fields of its own. */
const fieldsOfRouter: Rule = ({ spec, problem }) => {
  const { kubernetes } = spec;
  if (!kubernetes) return;
  const owners = {
    parentRefs: 'gatewayApi',
    httpRoute: 'gatewayApi',
    ingressClassName: 'ingressNginx',
    ingress: 'ingressNginx',
  } as const;
  for (const [field, router] of Object.entries(owners)) {
    if (kubernetes[field as keyof typeof owners] !== undefined && kubernetes.router !== router) {
      problem(['kubernetes', field], `belongs to router: ${router}, and the router is ${kubernetes.router}`, {
        at: 'key',
        suggestion: `write router: ${router}, or remove it`,
      });
    }
  }
  if (kubernetes.router !== 'gatewayApi' || !spec.route) return;
  const { parentRefs, httpRoute } = kubernetes;
  if (parentRefs && httpRoute) {
    problem(['kubernetes', 'httpRoute'], 'is a route that exists, which has parentRefs of its own', {
      at: 'key',
      suggestion: 'remove one of the two',
    });
  }
  if (!parentRefs && !httpRoute) {
    problem(
      ['kubernetes', 'router'],
      'needs a Gateway: expected one of parentRefs or httpRoute, found neither',
      {
        suggestion: 'add parentRefs: [{ name: NAME }], with the name of a Gateway',
      },
    );
  }
};

const ingressThatExists: Rule = ({ spec, problem }) => {
  const { kubernetes } = spec;
  if (kubernetes?.ingress === undefined) return;
  if (kubernetes.ingressClassName !== undefined) {
    problem(['kubernetes', 'ingressClassName'], 'is that of the Ingress that exists', {
      at: 'key',
      suggestion: 'remove it',
    });
  }
  if (kubernetes.service === undefined) {
    problem(
      ['kubernetes', 'ingress'],
      'needs spec.kubernetes.service: its paths that lead there are the App',
      {
        at: 'key',
        suggestion: 'add service: NAME, with the Service that the Ingress leads to',
      },
    );
  }
};

const ownLabels: Rule = ({ spec, problem }) => {
  const metadata = spec.kubernetes?.podTemplate?.metadata;
  for (const field of ['labels', 'annotations'] as const) {
    for (const name of Object.keys(metadata?.[field] ?? {})) {
      if (!name.startsWith(OWN_PREFIX)) continue;
      problem(
        ['kubernetes', 'podTemplate', 'metadata', field, name],
        `names that begin with ${OWN_PREFIX} are given by Crossfade`,
        { at: 'key', suggestion: 'choose another name' },
      );
    }
  }
};

/** Twice in one list of variables: which of them wins would be chance. */
const variablesOnce: Rule = ({ spec, run, problem }) => {
  const seen = new Set(Object.keys(run.env ?? {}));
  for (const [index, { name }] of spec.kubernetes?.env.entries() ?? []) {
    const own = (name === 'PORT' && spec.port !== undefined) || name.startsWith('CROSSFADE_');
    if (seen.has(name) || own) {
      const why = own ? `${name} is given by Crossfade` : `${name} is given already`;
      problem(['kubernetes', 'env', index, 'name'], why, { suggestion: 'remove it' });
    }
    seen.add(name);
  }
};

const mountsHaveVolumes: Rule = ({ spec, problem }) => {
  const { kubernetes } = spec;
  const patched = kubernetes?.podTemplate?.spec?.volumes !== undefined;
  const volumes = new Set(kubernetes?.volumes.map(({ name }) => name));
  for (const [index, { name }] of kubernetes?.volumeMounts.entries() ?? []) {
    if (!volumes.has(name) && !patched) {
      problem(['kubernetes', 'volumeMounts', index, 'name'], `there is no volume ${JSON.stringify(name)}`, {
        suggestion: volumes.size > 0 ? `known here: ${[...volumes].join(', ')}` : 'add it under volumes',
      });
    }
  }
};

export const kubernetesRules: readonly Rule[] = [
  imageOrSource,
  clusterNeedsImage,
  fieldsOfRouter,
  ingressThatExists,
  ownLabels,
  variablesOnce,
  mountsHaveVolumes,
];
