import type { YamlObject } from '../yaml-scalars.js'
import type { ApiVersion, FieldRow, KubeadmKind, STRUCTS, StructName } from './schema.js'

interface Scalars {
  readonly string: string
  readonly bool: boolean
  readonly int32: number
  readonly duration: string
  readonly time: string
  readonly object: YamlObject
  readonly strings: readonly string[]
  readonly bools: Readonly<Record<string, boolean>>
  readonly args: readonly { readonly name: string; readonly value: string }[]
}

type ValueOf<T extends string> = T extends keyof Scalars
  ? Scalars[T]
  : T extends `${infer Item}[]`
    ? readonly ValueOf<Item>[]
    : T extends StructName
      ? Struct<T>
      : never

type Current<Row extends FieldRow> = Row extends { readonly until: ApiVersion } ? never : Row['type']

/** A struct of kubeadm.k8s.io/v1beta4 as {@link STRUCTS} describes it; every field may be absent. */
export type Struct<Name extends StructName> = {
  readonly [Field in keyof (typeof STRUCTS)[Name] as (typeof STRUCTS)[Name][Field] extends FieldRow
    ? Current<(typeof STRUCTS)[Name][Field]> extends never
      ? never
      : Field
    : never]?: (typeof STRUCTS)[Name][Field] extends FieldRow ? ValueOf<(typeof STRUCTS)[Name][Field]['type']> : never
}

/** What a kubeadm configuration says, whatever version it was written in: kubeadm.k8s.io/v1beta4, defaults not filled in. */
export type Configuration = { readonly [Kind in KubeadmKind]?: Struct<Kind> } & {
  /** KubeletConfiguration, KubeProxyConfiguration: as they were, `apiVersion` and `kind` included. */
  readonly carried: readonly YamlObject[]
}
