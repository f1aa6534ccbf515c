export const jsonSchema = () => ({}); export const jsonSchemaText = () => "";
