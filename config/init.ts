export const initYaml = () => "";
