/** This machine cannot have a cluster: another system, not root, no Go. Tests that need one are skipped, with the reason. */
export class ClusterUnavailable extends Error {}
