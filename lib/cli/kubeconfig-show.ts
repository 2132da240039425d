export const runKubeconfigShow = async () => 0
