/** Where the kubelet reads a container's last words. */
export const terminationLog = process.env.FAIRLEAD_TERMINATION_LOG ?? '/dev/termination-log';
