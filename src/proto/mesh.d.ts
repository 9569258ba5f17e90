import * as $protobuf from "protobufjs";

export namespace meshd {

    namespace v1 {

        interface IGetVersionRequest extends meshd.v1.GetVersionRequest.$Properties {
        }

        class GetVersionRequest {
            constructor(properties?: meshd.v1.GetVersionRequest.$Properties);
            $unknowns?: Uint8Array[];
            static encode(message: meshd.v1.GetVersionRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.GetVersionRequest & meshd.v1.GetVersionRequest.$Shape;
        }

        namespace GetVersionRequest {
            interface $Properties {
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.GetVersionRequest.$Properties;
        }

        interface IVersion extends meshd.v1.Version.$Properties {
        }

        class Version {
            constructor(properties?: meshd.v1.Version.$Properties);
            $unknowns?: Uint8Array[];
            version: string;
            node: string;
            kernel: string;
            static encode(message: meshd.v1.Version.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.Version & meshd.v1.Version.$Shape;
        }

        namespace Version {
            interface $Properties {
                version?: string;
                node?: string;
                kernel?: string;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.Version.$Properties;
        }

        interface IGetStatusRequest extends meshd.v1.GetStatusRequest.$Properties {
        }

        class GetStatusRequest {
            constructor(properties?: meshd.v1.GetStatusRequest.$Properties);
            $unknowns?: Uint8Array[];
            static encode(message: meshd.v1.GetStatusRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.GetStatusRequest & meshd.v1.GetStatusRequest.$Shape;
        }

        namespace GetStatusRequest {
            interface $Properties {
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.GetStatusRequest.$Properties;
        }

        interface IStatus extends meshd.v1.Status.$Properties {
        }

        class Status {
            constructor(properties?: meshd.v1.Status.$Properties);
            $unknowns?: Uint8Array[];
            version: string;
            instance: string;
            uptimeMs: number;
            sandbox: string;
            revision: number;
            services: number;
            destinations: number;
            withheld: number;
            dataPath: meshd.v1.DataPath;
            reconcile: (meshd.v1.Reconcile|null);
            drift: meshd.v1.DriftTotals;
            config: (meshd.v1.ConfigFile|null);
            static encode(message: meshd.v1.Status.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.Status & meshd.v1.Status.$Shape;
        }

        namespace Status {
            interface $Properties {
                version?: string;
                instance?: string;
                uptimeMs?: number;
                sandbox?: string;
                revision?: number;
                services?: number;
                destinations?: number;
                withheld?: number;
                dataPath?: meshd.v1.DataPath.$Properties;
                reconcile?: (meshd.v1.Reconcile.$Properties|null);
                drift?: meshd.v1.DriftTotals.$Properties;
                config?: (meshd.v1.ConfigFile.$Properties|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.Status.$Properties;
        }

        interface IDataPath extends meshd.v1.DataPath.$Properties {
        }

        class DataPath {
            constructor(properties?: meshd.v1.DataPath.$Properties);
            $unknowns?: Uint8Array[];
            kind: string;
            detail: string;
            static encode(message: meshd.v1.DataPath.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.DataPath & meshd.v1.DataPath.$Shape;
        }

        namespace DataPath {
            interface $Properties {
                kind?: string;
                detail?: string;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.DataPath.$Properties;
        }

        interface IReconcile extends meshd.v1.Reconcile.$Properties {
        }

        class Reconcile {
            constructor(properties?: meshd.v1.Reconcile.$Properties);
            $unknowns?: Uint8Array[];
            atMs: number;
            durationMs: number;
            ops: number;
            error: (string|null);
            static encode(message: meshd.v1.Reconcile.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.Reconcile & meshd.v1.Reconcile.$Shape;
        }

        namespace Reconcile {
            interface $Properties {
                atMs?: number;
                durationMs?: number;
                ops?: number;
                error?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.Reconcile.$Properties;
        }

        interface IDriftTotals extends meshd.v1.DriftTotals.$Properties {
        }

        class DriftTotals {
            constructor(properties?: meshd.v1.DriftTotals.$Properties);
            $unknowns?: Uint8Array[];
            detected: number;
            repaired: number;
            lastAtMs: (number|null);
            static encode(message: meshd.v1.DriftTotals.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.DriftTotals & meshd.v1.DriftTotals.$Shape;
        }

        namespace DriftTotals {
            interface $Properties {
                detected?: number;
                repaired?: number;
                lastAtMs?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.DriftTotals.$Properties;
        }

        interface IConfigFile extends meshd.v1.ConfigFile.$Properties {
        }

        class ConfigFile {
            constructor(properties?: meshd.v1.ConfigFile.$Properties);
            $unknowns?: Uint8Array[];
            path: string;
            loadedAtMs: (number|null);
            error: (string|null);
            static encode(message: meshd.v1.ConfigFile.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ConfigFile & meshd.v1.ConfigFile.$Shape;
        }

        namespace ConfigFile {
            interface $Properties {
                path?: string;
                loadedAtMs?: (number|null);
                error?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ConfigFile.$Properties;
        }

        interface IServiceSpec extends meshd.v1.ServiceSpec.$Properties {
        }

        class ServiceSpec {
            constructor(properties?: meshd.v1.ServiceSpec.$Properties);
            $unknowns?: Uint8Array[];
            name: string;
            vips: string[];
            ports: meshd.v1.ServicePort[];
            scheduler: string;
            schedulerFlags: string[];
            onePacket: boolean;
            affinity: meshd.v1.Affinity;
            forwarding: string;
            tunnel: (meshd.v1.Tunnel|null);
            snat: string;
            limits: meshd.v1.ConnectionLimits;
            drainDeadlineMs: number;
            healthCheck: (meshd.v1.HealthCheck|null);
            destinations: meshd.v1.ServiceDestination[];
            network: (string|null);
            endpointMode: string;
            publish: meshd.v1.PublishedPort[];
            aliases: string[];
            dnsTtlS: (number|null);
            static encode(message: meshd.v1.ServiceSpec.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ServiceSpec & meshd.v1.ServiceSpec.$Shape;
        }

        namespace ServiceSpec {
            interface $Properties {
                name?: string;
                vips?: string[];
                ports?: meshd.v1.ServicePort.$Properties[];
                scheduler?: string;
                schedulerFlags?: string[];
                onePacket?: boolean;
                affinity?: meshd.v1.Affinity.$Properties;
                forwarding?: string;
                tunnel?: (meshd.v1.Tunnel.$Properties|null);
                snat?: string;
                limits?: meshd.v1.ConnectionLimits.$Properties;
                drainDeadlineMs?: number;
                healthCheck?: (meshd.v1.HealthCheck.$Properties|null);
                destinations?: meshd.v1.ServiceDestination.$Properties[];
                network?: (string|null);
                endpointMode?: string;
                publish?: meshd.v1.PublishedPort.$Properties[];
                aliases?: string[];
                dnsTtlS?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ServiceSpec.$Properties;
        }

        interface IPublishedPort extends meshd.v1.PublishedPort.$Properties {
        }

        class PublishedPort {
            constructor(properties?: meshd.v1.PublishedPort.$Properties);
            $unknowns?: Uint8Array[];
            protocol: string;
            port: number;
            targetPort: number;
            count: number;
            mode: string;
            source: string;
            policy: string;
            bind: (string|null);
            allowFrom: string[];
            device: (string|null);
            static encode(message: meshd.v1.PublishedPort.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.PublishedPort & meshd.v1.PublishedPort.$Shape;
        }

        namespace PublishedPort {
            interface $Properties {
                protocol?: string;
                port?: number;
                targetPort?: number;
                count?: number;
                mode?: string;
                source?: string;
                policy?: string;
                bind?: (string|null);
                allowFrom?: string[];
                device?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.PublishedPort.$Properties;
        }

        interface IServicePort extends meshd.v1.ServicePort.$Properties {
        }

        class ServicePort {
            constructor(properties?: meshd.v1.ServicePort.$Properties);
            $unknowns?: Uint8Array[];
            protocol: string;
            port: number;
            targetPort: number;
            count: number;
            static encode(message: meshd.v1.ServicePort.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ServicePort & meshd.v1.ServicePort.$Shape;
        }

        namespace ServicePort {
            interface $Properties {
                protocol?: string;
                port?: number;
                targetPort?: number;
                count?: number;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ServicePort.$Properties;
        }

        interface IAffinity extends meshd.v1.Affinity.$Properties {
        }

        class Affinity {
            constructor(properties?: meshd.v1.Affinity.$Properties);
            $unknowns?: Uint8Array[];
            timeoutS: number;
            prefix4: number;
            prefix6: number;
            static encode(message: meshd.v1.Affinity.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.Affinity & meshd.v1.Affinity.$Shape;
        }

        namespace Affinity {
            interface $Properties {
                timeoutS?: number;
                prefix4?: number;
                prefix6?: number;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.Affinity.$Properties;
        }

        interface ITunnel extends meshd.v1.Tunnel.$Properties {
        }

        class Tunnel {
            constructor(properties?: meshd.v1.Tunnel.$Properties);
            $unknowns?: Uint8Array[];
            type: string;
            port: number;
            checksum: boolean;
            static encode(message: meshd.v1.Tunnel.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.Tunnel & meshd.v1.Tunnel.$Shape;
        }

        namespace Tunnel {
            interface $Properties {
                type?: string;
                port?: number;
                checksum?: boolean;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.Tunnel.$Properties;
        }

        interface IConnectionLimits extends meshd.v1.ConnectionLimits.$Properties {
        }

        class ConnectionLimits {
            constructor(properties?: meshd.v1.ConnectionLimits.$Properties);
            $unknowns?: Uint8Array[];
            maxConnections: number;
            resumeConnections: number;
            static encode(message: meshd.v1.ConnectionLimits.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ConnectionLimits & meshd.v1.ConnectionLimits.$Shape;
        }

        namespace ConnectionLimits {
            interface $Properties {
                maxConnections?: number;
                resumeConnections?: number;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ConnectionLimits.$Properties;
        }

        interface IHealthCheck extends meshd.v1.HealthCheck.$Properties {
        }

        class HealthCheck {
            constructor(properties?: meshd.v1.HealthCheck.$Properties);
            $unknowns?: Uint8Array[];
            type: string;
            port: (number|null);
            intervalMs: number;
            timeoutMs: number;
            rise: number;
            fall: number;
            path: (string|null);
            host: (string|null);
            status: meshd.v1.StatusRange[];
            body: (string|null);
            static encode(message: meshd.v1.HealthCheck.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.HealthCheck & meshd.v1.HealthCheck.$Shape;
        }

        namespace HealthCheck {
            interface $Properties {
                type?: string;
                port?: (number|null);
                intervalMs?: number;
                timeoutMs?: number;
                rise?: number;
                fall?: number;
                path?: (string|null);
                host?: (string|null);
                status?: meshd.v1.StatusRange.$Properties[];
                body?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.HealthCheck.$Properties;
        }

        interface IStatusRange extends meshd.v1.StatusRange.$Properties {
        }

        class StatusRange {
            constructor(properties?: meshd.v1.StatusRange.$Properties);
            $unknowns?: Uint8Array[];
            from: number;
            to: number;
            static encode(message: meshd.v1.StatusRange.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.StatusRange & meshd.v1.StatusRange.$Shape;
        }

        namespace StatusRange {
            interface $Properties {
                from?: number;
                to?: number;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.StatusRange.$Properties;
        }

        interface IServiceDestination extends meshd.v1.ServiceDestination.$Properties {
        }

        class ServiceDestination {
            constructor(properties?: meshd.v1.ServiceDestination.$Properties);
            $unknowns?: Uint8Array[];
            name: string;
            address: string;
            weight: number;
            draining: boolean;
            static encode(message: meshd.v1.ServiceDestination.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ServiceDestination & meshd.v1.ServiceDestination.$Shape;
        }

        namespace ServiceDestination {
            interface $Properties {
                name?: string;
                address?: string;
                weight?: number;
                draining?: boolean;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ServiceDestination.$Properties;
        }

        interface IServiceState extends meshd.v1.ServiceState.$Properties {
        }

        class ServiceState {
            constructor(properties?: meshd.v1.ServiceState.$Properties);
            $unknowns?: Uint8Array[];
            spec: meshd.v1.ServiceSpec;
            vips: string[];
            revision: number;
            source: string;
            programmed: boolean;
            withheld: (string|null);
            destinations: meshd.v1.DestinationState[];
            owner: (string|null);
            static encode(message: meshd.v1.ServiceState.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ServiceState & meshd.v1.ServiceState.$Shape;
        }

        namespace ServiceState {
            interface $Properties {
                spec?: meshd.v1.ServiceSpec.$Properties;
                vips?: string[];
                revision?: number;
                source?: string;
                programmed?: boolean;
                withheld?: (string|null);
                destinations?: meshd.v1.DestinationState.$Properties[];
                owner?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ServiceState.$Properties;
        }

        interface IDestinationState extends meshd.v1.DestinationState.$Properties {
        }

        class DestinationState {
            constructor(properties?: meshd.v1.DestinationState.$Properties);
            $unknowns?: Uint8Array[];
            name: string;
            address: string;
            weight: number;
            effectiveWeight: number;
            draining: boolean;
            health: string;
            healthCause: (string|null);
            static encode(message: meshd.v1.DestinationState.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.DestinationState & meshd.v1.DestinationState.$Shape;
        }

        namespace DestinationState {
            interface $Properties {
                name?: string;
                address?: string;
                weight?: number;
                effectiveWeight?: number;
                draining?: boolean;
                health?: string;
                healthCause?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.DestinationState.$Properties;
        }

        interface IListServicesRequest extends meshd.v1.ListServicesRequest.$Properties {
        }

        class ListServicesRequest {
            constructor(properties?: meshd.v1.ListServicesRequest.$Properties);
            $unknowns?: Uint8Array[];
            static encode(message: meshd.v1.ListServicesRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ListServicesRequest & meshd.v1.ListServicesRequest.$Shape;
        }

        namespace ListServicesRequest {
            interface $Properties {
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ListServicesRequest.$Properties;
        }

        interface IListServicesResponse extends meshd.v1.ListServicesResponse.$Properties {
        }

        class ListServicesResponse {
            constructor(properties?: meshd.v1.ListServicesResponse.$Properties);
            $unknowns?: Uint8Array[];
            services: meshd.v1.ServiceState[];
            static encode(message: meshd.v1.ListServicesResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ListServicesResponse & meshd.v1.ListServicesResponse.$Shape;
        }

        namespace ListServicesResponse {
            interface $Properties {
                services?: meshd.v1.ServiceState.$Properties[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ListServicesResponse.$Properties;
        }

        interface IGetServiceRequest extends meshd.v1.GetServiceRequest.$Properties {
        }

        class GetServiceRequest {
            constructor(properties?: meshd.v1.GetServiceRequest.$Properties);
            $unknowns?: Uint8Array[];
            name: string;
            static encode(message: meshd.v1.GetServiceRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.GetServiceRequest & meshd.v1.GetServiceRequest.$Shape;
        }

        namespace GetServiceRequest {
            interface $Properties {
                name?: string;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.GetServiceRequest.$Properties;
        }

        interface IApplyServicesRequest extends meshd.v1.ApplyServicesRequest.$Properties {
        }

        class ApplyServicesRequest {
            constructor(properties?: meshd.v1.ApplyServicesRequest.$Properties);
            $unknowns?: Uint8Array[];
            documents: string[];
            replaceAll: boolean;
            dryRun: boolean;
            expectedRevision: (number|null);
            expectedRevisions: { [k: string]: number };
            static encode(message: meshd.v1.ApplyServicesRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ApplyServicesRequest & meshd.v1.ApplyServicesRequest.$Shape;
        }

        namespace ApplyServicesRequest {
            interface $Properties {
                documents?: string[];
                replaceAll?: boolean;
                dryRun?: boolean;
                expectedRevision?: (number|null);
                expectedRevisions?: { [k: string]: number };
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ApplyServicesRequest.$Properties;
        }

        interface IApplyServicesResponse extends meshd.v1.ApplyServicesResponse.$Properties {
        }

        class ApplyServicesResponse {
            constructor(properties?: meshd.v1.ApplyServicesResponse.$Properties);
            $unknowns?: Uint8Array[];
            revision: number;
            changes: meshd.v1.ServiceChange[];
            plan: (meshd.v1.Plan|null);
            static encode(message: meshd.v1.ApplyServicesResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ApplyServicesResponse & meshd.v1.ApplyServicesResponse.$Shape;
        }

        namespace ApplyServicesResponse {
            interface $Properties {
                revision?: number;
                changes?: meshd.v1.ServiceChange.$Properties[];
                plan?: (meshd.v1.Plan.$Properties|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ApplyServicesResponse.$Properties;
        }

        interface IServiceChange extends meshd.v1.ServiceChange.$Properties {
        }

        class ServiceChange {
            constructor(properties?: meshd.v1.ServiceChange.$Properties);
            $unknowns?: Uint8Array[];
            name: string;
            change: string;
            vips: string[];
            static encode(message: meshd.v1.ServiceChange.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ServiceChange & meshd.v1.ServiceChange.$Shape;
        }

        namespace ServiceChange {
            interface $Properties {
                name?: string;
                change?: string;
                vips?: string[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ServiceChange.$Properties;
        }

        interface IRemoveServiceRequest extends meshd.v1.RemoveServiceRequest.$Properties {
        }

        class RemoveServiceRequest {
            constructor(properties?: meshd.v1.RemoveServiceRequest.$Properties);
            $unknowns?: Uint8Array[];
            name: string;
            expectedRevision: (number|null);
            now: boolean;
            static encode(message: meshd.v1.RemoveServiceRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.RemoveServiceRequest & meshd.v1.RemoveServiceRequest.$Shape;
        }

        namespace RemoveServiceRequest {
            interface $Properties {
                name?: string;
                expectedRevision?: (number|null);
                now?: boolean;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.RemoveServiceRequest.$Properties;
        }

        interface IRemoveServiceResponse extends meshd.v1.RemoveServiceResponse.$Properties {
        }

        class RemoveServiceResponse {
            constructor(properties?: meshd.v1.RemoveServiceResponse.$Properties);
            $unknowns?: Uint8Array[];
            revision: number;
            static encode(message: meshd.v1.RemoveServiceResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.RemoveServiceResponse & meshd.v1.RemoveServiceResponse.$Shape;
        }

        namespace RemoveServiceResponse {
            interface $Properties {
                revision?: number;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.RemoveServiceResponse.$Properties;
        }

        interface IDrainRequest extends meshd.v1.DrainRequest.$Properties {
        }

        class DrainRequest {
            constructor(properties?: meshd.v1.DrainRequest.$Properties);
            $unknowns?: Uint8Array[];
            service: string;
            destination: (string|null);
            deadlineMs: (number|null);
            static encode(message: meshd.v1.DrainRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.DrainRequest & meshd.v1.DrainRequest.$Shape;
        }

        namespace DrainRequest {
            interface $Properties {
                service?: string;
                destination?: (string|null);
                deadlineMs?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.DrainRequest.$Properties;
        }

        interface IDrainProgress extends meshd.v1.DrainProgress.$Properties {
        }

        class DrainProgress {
            constructor(properties?: meshd.v1.DrainProgress.$Properties);
            $unknowns?: Uint8Array[];
            phase: string;
            connections: number;
            remainingMs: number;
            destinations: meshd.v1.DrainingDestination[];
            static encode(message: meshd.v1.DrainProgress.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.DrainProgress & meshd.v1.DrainProgress.$Shape;
        }

        namespace DrainProgress {
            interface $Properties {
                phase?: string;
                connections?: number;
                remainingMs?: number;
                destinations?: meshd.v1.DrainingDestination.$Properties[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.DrainProgress.$Properties;
        }

        interface IDrainingDestination extends meshd.v1.DrainingDestination.$Properties {
        }

        class DrainingDestination {
            constructor(properties?: meshd.v1.DrainingDestination.$Properties);
            $unknowns?: Uint8Array[];
            name: string;
            connections: number;
            static encode(message: meshd.v1.DrainingDestination.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.DrainingDestination & meshd.v1.DrainingDestination.$Shape;
        }

        namespace DrainingDestination {
            interface $Properties {
                name?: string;
                connections?: number;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.DrainingDestination.$Properties;
        }

        interface ICancelDrainRequest extends meshd.v1.CancelDrainRequest.$Properties {
        }

        class CancelDrainRequest {
            constructor(properties?: meshd.v1.CancelDrainRequest.$Properties);
            $unknowns?: Uint8Array[];
            service: string;
            destination: (string|null);
            static encode(message: meshd.v1.CancelDrainRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.CancelDrainRequest & meshd.v1.CancelDrainRequest.$Shape;
        }

        namespace CancelDrainRequest {
            interface $Properties {
                service?: string;
                destination?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.CancelDrainRequest.$Properties;
        }

        interface ICancelDrainResponse extends meshd.v1.CancelDrainResponse.$Properties {
        }

        class CancelDrainResponse {
            constructor(properties?: meshd.v1.CancelDrainResponse.$Properties);
            $unknowns?: Uint8Array[];
            static encode(message: meshd.v1.CancelDrainResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.CancelDrainResponse & meshd.v1.CancelDrainResponse.$Shape;
        }

        namespace CancelDrainResponse {
            interface $Properties {
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.CancelDrainResponse.$Properties;
        }

        interface IWatchPosition extends meshd.v1.WatchPosition.$Properties {
        }

        class WatchPosition {
            constructor(properties?: meshd.v1.WatchPosition.$Properties);
            $unknowns?: Uint8Array[];
            instance: string;
            sequence: number;
            static encode(message: meshd.v1.WatchPosition.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.WatchPosition & meshd.v1.WatchPosition.$Shape;
        }

        namespace WatchPosition {
            interface $Properties {
                instance?: string;
                sequence?: number;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.WatchPosition.$Properties;
        }

        interface IWatchServicesRequest extends meshd.v1.WatchServicesRequest.$Properties {
        }

        class WatchServicesRequest {
            constructor(properties?: meshd.v1.WatchServicesRequest.$Properties);
            $unknowns?: Uint8Array[];
            from: (meshd.v1.WatchPosition|null);
            static encode(message: meshd.v1.WatchServicesRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.WatchServicesRequest & meshd.v1.WatchServicesRequest.$Shape;
        }

        namespace WatchServicesRequest {
            interface $Properties {
                from?: (meshd.v1.WatchPosition.$Properties|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.WatchServicesRequest.$Properties;
        }

        interface IWatchEvent extends meshd.v1.WatchEvent.$Properties {
        }

        class WatchEvent {
            constructor(properties?: meshd.v1.WatchEvent.$Properties);
            $unknowns?: Uint8Array[];
            position: meshd.v1.WatchPosition;
            snapshot: (meshd.v1.Snapshot|null);
            set: (meshd.v1.ServiceState|null);
            removed: (string|null);
            event?: ("snapshot"|"set"|"removed");
            static encode(message: meshd.v1.WatchEvent.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.WatchEvent & meshd.v1.WatchEvent.$Shape;
        }

        namespace WatchEvent {
            interface $Properties {
                position?: meshd.v1.WatchPosition.$Properties;
                snapshot?: (meshd.v1.Snapshot.$Properties|null);
                set?: (meshd.v1.ServiceState.$Properties|null);
                removed?: (string|null);
                event?: ("snapshot"|"set"|"removed");
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              position?: meshd.v1.WatchPosition.$Shape;
              snapshot?: meshd.v1.Snapshot.$Shape|null;
              set?: meshd.v1.ServiceState.$Shape|null;
              removed?: string|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ event?: undefined; snapshot?: null; set?: null; removed?: null }|{ event?: "snapshot"; snapshot: meshd.v1.Snapshot.$Shape; set?: null; removed?: null }|{ event?: "set"; snapshot?: null; set: meshd.v1.ServiceState.$Shape; removed?: null }|{ event?: "removed"; snapshot?: null; set?: null; removed: string })
            );
        }

        interface ISnapshot extends meshd.v1.Snapshot.$Properties {
        }

        class Snapshot {
            constructor(properties?: meshd.v1.Snapshot.$Properties);
            $unknowns?: Uint8Array[];
            services: meshd.v1.ServiceState[];
            more: boolean;
            static encode(message: meshd.v1.Snapshot.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.Snapshot & meshd.v1.Snapshot.$Shape;
        }

        namespace Snapshot {
            interface $Properties {
                services?: meshd.v1.ServiceState.$Properties[];
                more?: boolean;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.Snapshot.$Properties;
        }

        interface IListEndpointsRequest extends meshd.v1.ListEndpointsRequest.$Properties {
        }

        class ListEndpointsRequest {
            constructor(properties?: meshd.v1.ListEndpointsRequest.$Properties);
            $unknowns?: Uint8Array[];
            service: (string|null);
            static encode(message: meshd.v1.ListEndpointsRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ListEndpointsRequest & meshd.v1.ListEndpointsRequest.$Shape;
        }

        namespace ListEndpointsRequest {
            interface $Properties {
                service?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ListEndpointsRequest.$Properties;
        }

        interface IListEndpointsResponse extends meshd.v1.ListEndpointsResponse.$Properties {
        }

        class ListEndpointsResponse {
            constructor(properties?: meshd.v1.ListEndpointsResponse.$Properties);
            $unknowns?: Uint8Array[];
            endpoints: meshd.v1.Endpoint[];
            static encode(message: meshd.v1.ListEndpointsResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ListEndpointsResponse & meshd.v1.ListEndpointsResponse.$Shape;
        }

        namespace ListEndpointsResponse {
            interface $Properties {
                endpoints?: meshd.v1.Endpoint.$Properties[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ListEndpointsResponse.$Properties;
        }

        interface IEndpoint extends meshd.v1.Endpoint.$Properties {
        }

        class Endpoint {
            constructor(properties?: meshd.v1.Endpoint.$Properties);
            $unknowns?: Uint8Array[];
            service: string;
            name: string;
            address: string;
            weight: number;
            effectiveWeight: number;
            draining: boolean;
            health: string;
            healthCause: (string|null);
            active: number;
            inactive: number;
            connections: number;
            inPackets: number;
            outPackets: number;
            inBytes: number;
            outBytes: number;
            connectionsPerS: number;
            inPacketsPerS: number;
            outPacketsPerS: number;
            inBytesPerS: number;
            outBytesPerS: number;
            static encode(message: meshd.v1.Endpoint.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.Endpoint & meshd.v1.Endpoint.$Shape;
        }

        namespace Endpoint {
            interface $Properties {
                service?: string;
                name?: string;
                address?: string;
                weight?: number;
                effectiveWeight?: number;
                draining?: boolean;
                health?: string;
                healthCause?: (string|null);
                active?: number;
                inactive?: number;
                connections?: number;
                inPackets?: number;
                outPackets?: number;
                inBytes?: number;
                outBytes?: number;
                connectionsPerS?: number;
                inPacketsPerS?: number;
                outPacketsPerS?: number;
                inBytesPerS?: number;
                outBytesPerS?: number;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.Endpoint.$Properties;
        }

        interface IListConnectionsRequest extends meshd.v1.ListConnectionsRequest.$Properties {
        }

        class ListConnectionsRequest {
            constructor(properties?: meshd.v1.ListConnectionsRequest.$Properties);
            $unknowns?: Uint8Array[];
            service: (string|null);
            destination: (string|null);
            client: (string|null);
            limit: number;
            static encode(message: meshd.v1.ListConnectionsRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ListConnectionsRequest & meshd.v1.ListConnectionsRequest.$Shape;
        }

        namespace ListConnectionsRequest {
            interface $Properties {
                service?: (string|null);
                destination?: (string|null);
                client?: (string|null);
                limit?: number;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ListConnectionsRequest.$Properties;
        }

        interface IListConnectionsResponse extends meshd.v1.ListConnectionsResponse.$Properties {
        }

        class ListConnectionsResponse {
            constructor(properties?: meshd.v1.ListConnectionsResponse.$Properties);
            $unknowns?: Uint8Array[];
            connections: meshd.v1.Connection[];
            truncated: boolean;
            static encode(message: meshd.v1.ListConnectionsResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ListConnectionsResponse & meshd.v1.ListConnectionsResponse.$Shape;
        }

        namespace ListConnectionsResponse {
            interface $Properties {
                connections?: meshd.v1.Connection.$Properties[];
                truncated?: boolean;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ListConnectionsResponse.$Properties;
        }

        interface IConnection extends meshd.v1.Connection.$Properties {
        }

        class Connection {
            constructor(properties?: meshd.v1.Connection.$Properties);
            $unknowns?: Uint8Array[];
            service: (string|null);
            destinationName: (string|null);
            protocol: string;
            client: string;
            clientPort: number;
            virtual: string;
            virtualPort: number;
            destination: string;
            destinationPort: number;
            state: string;
            expiresS: number;
            static encode(message: meshd.v1.Connection.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.Connection & meshd.v1.Connection.$Shape;
        }

        namespace Connection {
            interface $Properties {
                service?: (string|null);
                destinationName?: (string|null);
                protocol?: string;
                client?: string;
                clientPort?: number;
                virtual?: string;
                virtualPort?: number;
                destination?: string;
                destinationPort?: number;
                state?: string;
                expiresS?: number;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.Connection.$Properties;
        }

        interface IGetCountersRequest extends meshd.v1.GetCountersRequest.$Properties {
        }

        class GetCountersRequest {
            constructor(properties?: meshd.v1.GetCountersRequest.$Properties);
            $unknowns?: Uint8Array[];
            service: (string|null);
            static encode(message: meshd.v1.GetCountersRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.GetCountersRequest & meshd.v1.GetCountersRequest.$Shape;
        }

        namespace GetCountersRequest {
            interface $Properties {
                service?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.GetCountersRequest.$Properties;
        }

        interface IWatchCountersRequest extends meshd.v1.WatchCountersRequest.$Properties {
        }

        class WatchCountersRequest {
            constructor(properties?: meshd.v1.WatchCountersRequest.$Properties);
            $unknowns?: Uint8Array[];
            service: (string|null);
            intervalMs: number;
            static encode(message: meshd.v1.WatchCountersRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.WatchCountersRequest & meshd.v1.WatchCountersRequest.$Shape;
        }

        namespace WatchCountersRequest {
            interface $Properties {
                service?: (string|null);
                intervalMs?: number;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.WatchCountersRequest.$Properties;
        }

        interface ICounters extends meshd.v1.Counters.$Properties {
        }

        class Counters {
            constructor(properties?: meshd.v1.Counters.$Properties);
            $unknowns?: Uint8Array[];
            atMs: number;
            services: meshd.v1.ServiceCounters[];
            static encode(message: meshd.v1.Counters.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.Counters & meshd.v1.Counters.$Shape;
        }

        namespace Counters {
            interface $Properties {
                atMs?: number;
                services?: meshd.v1.ServiceCounters.$Properties[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.Counters.$Properties;
        }

        interface IServiceCounters extends meshd.v1.ServiceCounters.$Properties {
        }

        class ServiceCounters {
            constructor(properties?: meshd.v1.ServiceCounters.$Properties);
            $unknowns?: Uint8Array[];
            service: string;
            listen: string;
            connections: number;
            inPackets: number;
            outPackets: number;
            inBytes: number;
            outBytes: number;
            connectionsPerS: number;
            inPacketsPerS: number;
            outPacketsPerS: number;
            inBytesPerS: number;
            outBytesPerS: number;
            destinations: meshd.v1.DestinationCounters[];
            static encode(message: meshd.v1.ServiceCounters.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ServiceCounters & meshd.v1.ServiceCounters.$Shape;
        }

        namespace ServiceCounters {
            interface $Properties {
                service?: string;
                listen?: string;
                connections?: number;
                inPackets?: number;
                outPackets?: number;
                inBytes?: number;
                outBytes?: number;
                connectionsPerS?: number;
                inPacketsPerS?: number;
                outPacketsPerS?: number;
                inBytesPerS?: number;
                outBytesPerS?: number;
                destinations?: meshd.v1.DestinationCounters.$Properties[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ServiceCounters.$Properties;
        }

        interface IDestinationCounters extends meshd.v1.DestinationCounters.$Properties {
        }

        class DestinationCounters {
            constructor(properties?: meshd.v1.DestinationCounters.$Properties);
            $unknowns?: Uint8Array[];
            name: string;
            address: string;
            port: number;
            weight: number;
            active: number;
            inactive: number;
            persistent: number;
            connections: number;
            inPackets: number;
            outPackets: number;
            inBytes: number;
            outBytes: number;
            connectionsPerS: number;
            inPacketsPerS: number;
            outPacketsPerS: number;
            inBytesPerS: number;
            outBytesPerS: number;
            static encode(message: meshd.v1.DestinationCounters.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.DestinationCounters & meshd.v1.DestinationCounters.$Shape;
        }

        namespace DestinationCounters {
            interface $Properties {
                name?: string;
                address?: string;
                port?: number;
                weight?: number;
                active?: number;
                inactive?: number;
                persistent?: number;
                connections?: number;
                inPackets?: number;
                outPackets?: number;
                inBytes?: number;
                outBytes?: number;
                connectionsPerS?: number;
                inPacketsPerS?: number;
                outPacketsPerS?: number;
                inBytesPerS?: number;
                outBytesPerS?: number;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.DestinationCounters.$Properties;
        }

        interface IGetDiffRequest extends meshd.v1.GetDiffRequest.$Properties {
        }

        class GetDiffRequest {
            constructor(properties?: meshd.v1.GetDiffRequest.$Properties);
            $unknowns?: Uint8Array[];
            static encode(message: meshd.v1.GetDiffRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.GetDiffRequest & meshd.v1.GetDiffRequest.$Shape;
        }

        namespace GetDiffRequest {
            interface $Properties {
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.GetDiffRequest.$Properties;
        }

        interface IPlan extends meshd.v1.Plan.$Properties {
        }

        class Plan {
            constructor(properties?: meshd.v1.Plan.$Properties);
            $unknowns?: Uint8Array[];
            ops: meshd.v1.PlannedOp[];
            foreign: string[];
            static encode(message: meshd.v1.Plan.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.Plan & meshd.v1.Plan.$Shape;
        }

        namespace Plan {
            interface $Properties {
                ops?: meshd.v1.PlannedOp.$Properties[];
                foreign?: string[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.Plan.$Properties;
        }

        interface IPlannedOp extends meshd.v1.PlannedOp.$Properties {
        }

        class PlannedOp {
            constructor(properties?: meshd.v1.PlannedOp.$Properties);
            $unknowns?: Uint8Array[];
            text: string;
            service: (string|null);
            cutsConnections: number;
            static encode(message: meshd.v1.PlannedOp.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.PlannedOp & meshd.v1.PlannedOp.$Shape;
        }

        namespace PlannedOp {
            interface $Properties {
                text?: string;
                service?: (string|null);
                cutsConnections?: number;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.PlannedOp.$Properties;
        }

        interface IExplainRequest extends meshd.v1.ExplainRequest.$Properties {
        }

        class ExplainRequest {
            constructor(properties?: meshd.v1.ExplainRequest.$Properties);
            $unknowns?: Uint8Array[];
            source: string;
            destination: string;
            port: number;
            protocol: string;
            static encode(message: meshd.v1.ExplainRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ExplainRequest & meshd.v1.ExplainRequest.$Shape;
        }

        namespace ExplainRequest {
            interface $Properties {
                source?: string;
                destination?: string;
                port?: number;
                protocol?: string;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ExplainRequest.$Properties;
        }

        interface IExplanation extends meshd.v1.Explanation.$Properties {
        }

        class Explanation {
            constructor(properties?: meshd.v1.Explanation.$Properties);
            $unknowns?: Uint8Array[];
            steps: meshd.v1.ExplainStep[];
            outcome: meshd.v1.ExplainOutcome;
            static encode(message: meshd.v1.Explanation.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.Explanation & meshd.v1.Explanation.$Shape;
        }

        namespace Explanation {
            interface $Properties {
                steps?: meshd.v1.ExplainStep.$Properties[];
                outcome?: meshd.v1.ExplainOutcome.$Properties;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.Explanation.$Properties;
        }

        interface IExplainStep extends meshd.v1.ExplainStep.$Properties {
        }

        class ExplainStep {
            constructor(properties?: meshd.v1.ExplainStep.$Properties);
            $unknowns?: Uint8Array[];
            title: string;
            detail: string;
            rule: (string|null);
            counters: (meshd.v1.StepCounters|null);
            kind: string;
            node: (string|null);
            task: (string|null);
            kernel: (string|null);
            destination: (string|null);
            static encode(message: meshd.v1.ExplainStep.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ExplainStep & meshd.v1.ExplainStep.$Shape;
        }

        namespace ExplainStep {
            interface $Properties {
                title?: string;
                detail?: string;
                rule?: (string|null);
                counters?: (meshd.v1.StepCounters.$Properties|null);
                kind?: string;
                node?: (string|null);
                task?: (string|null);
                kernel?: (string|null);
                destination?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ExplainStep.$Properties;
        }

        interface IStepCounters extends meshd.v1.StepCounters.$Properties {
        }

        class StepCounters {
            constructor(properties?: meshd.v1.StepCounters.$Properties);
            $unknowns?: Uint8Array[];
            connections: number;
            inPackets: number;
            outPackets: number;
            inBytes: number;
            outBytes: number;
            connectionsPerS: number;
            inPacketsPerS: number;
            outPacketsPerS: number;
            inBytesPerS: number;
            outBytesPerS: number;
            static encode(message: meshd.v1.StepCounters.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.StepCounters & meshd.v1.StepCounters.$Shape;
        }

        namespace StepCounters {
            interface $Properties {
                connections?: number;
                inPackets?: number;
                outPackets?: number;
                inBytes?: number;
                outBytes?: number;
                connectionsPerS?: number;
                inPacketsPerS?: number;
                outPacketsPerS?: number;
                inBytesPerS?: number;
                outBytesPerS?: number;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.StepCounters.$Properties;
        }

        interface IExplainOutcome extends meshd.v1.ExplainOutcome.$Properties {
        }

        class ExplainOutcome {
            constructor(properties?: meshd.v1.ExplainOutcome.$Properties);
            $unknowns?: Uint8Array[];
            verdict: string;
            text: string;
            destinations: string[];
            static encode(message: meshd.v1.ExplainOutcome.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ExplainOutcome & meshd.v1.ExplainOutcome.$Shape;
        }

        namespace ExplainOutcome {
            interface $Properties {
                verdict?: string;
                text?: string;
                destinations?: string[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ExplainOutcome.$Properties;
        }

        interface IGetDriftRequest extends meshd.v1.GetDriftRequest.$Properties {
        }

        class GetDriftRequest {
            constructor(properties?: meshd.v1.GetDriftRequest.$Properties);
            $unknowns?: Uint8Array[];
            limit: number;
            static encode(message: meshd.v1.GetDriftRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.GetDriftRequest & meshd.v1.GetDriftRequest.$Shape;
        }

        namespace GetDriftRequest {
            interface $Properties {
                limit?: number;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.GetDriftRequest.$Properties;
        }

        interface IGetDriftResponse extends meshd.v1.GetDriftResponse.$Properties {
        }

        class GetDriftResponse {
            constructor(properties?: meshd.v1.GetDriftResponse.$Properties);
            $unknowns?: Uint8Array[];
            records: meshd.v1.Drift[];
            static encode(message: meshd.v1.GetDriftResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.GetDriftResponse & meshd.v1.GetDriftResponse.$Shape;
        }

        namespace GetDriftResponse {
            interface $Properties {
                records?: meshd.v1.Drift.$Properties[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.GetDriftResponse.$Properties;
        }

        interface IDrift extends meshd.v1.Drift.$Properties {
        }

        class Drift {
            constructor(properties?: meshd.v1.Drift.$Properties);
            $unknowns?: Uint8Array[];
            atMs: number;
            rules: meshd.v1.DriftedRule[];
            repaired: boolean;
            error: (string|null);
            static encode(message: meshd.v1.Drift.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.Drift & meshd.v1.Drift.$Shape;
        }

        namespace Drift {
            interface $Properties {
                atMs?: number;
                rules?: meshd.v1.DriftedRule.$Properties[];
                repaired?: boolean;
                error?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.Drift.$Properties;
        }

        interface IDriftedRule extends meshd.v1.DriftedRule.$Properties {
        }

        class DriftedRule {
            constructor(properties?: meshd.v1.DriftedRule.$Properties);
            $unknowns?: Uint8Array[];
            difference: string;
            rule: string;
            static encode(message: meshd.v1.DriftedRule.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.DriftedRule & meshd.v1.DriftedRule.$Shape;
        }

        namespace DriftedRule {
            interface $Properties {
                difference?: string;
                rule?: string;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.DriftedRule.$Properties;
        }

        interface IDoctorRequest extends meshd.v1.DoctorRequest.$Properties {
        }

        class DoctorRequest {
            constructor(properties?: meshd.v1.DoctorRequest.$Properties);
            $unknowns?: Uint8Array[];
            static encode(message: meshd.v1.DoctorRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.DoctorRequest & meshd.v1.DoctorRequest.$Shape;
        }

        namespace DoctorRequest {
            interface $Properties {
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.DoctorRequest.$Properties;
        }

        interface IDoctorResponse extends meshd.v1.DoctorResponse.$Properties {
        }

        class DoctorResponse {
            constructor(properties?: meshd.v1.DoctorResponse.$Properties);
            $unknowns?: Uint8Array[];
            checks: meshd.v1.DoctorCheck[];
            static encode(message: meshd.v1.DoctorResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.DoctorResponse & meshd.v1.DoctorResponse.$Shape;
        }

        namespace DoctorResponse {
            interface $Properties {
                checks?: meshd.v1.DoctorCheck.$Properties[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.DoctorResponse.$Properties;
        }

        interface IDoctorCheck extends meshd.v1.DoctorCheck.$Properties {
        }

        class DoctorCheck {
            constructor(properties?: meshd.v1.DoctorCheck.$Properties);
            $unknowns?: Uint8Array[];
            name: string;
            state: string;
            cause: string;
            fix: string;
            static encode(message: meshd.v1.DoctorCheck.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.DoctorCheck & meshd.v1.DoctorCheck.$Shape;
        }

        namespace DoctorCheck {
            interface $Properties {
                name?: string;
                state?: string;
                cause?: string;
                fix?: string;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.DoctorCheck.$Properties;
        }

        interface IListNodesRequest extends meshd.v1.ListNodesRequest.$Properties {
        }

        class ListNodesRequest {
            constructor(properties?: meshd.v1.ListNodesRequest.$Properties);
            $unknowns?: Uint8Array[];
            static encode(message: meshd.v1.ListNodesRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ListNodesRequest & meshd.v1.ListNodesRequest.$Shape;
        }

        namespace ListNodesRequest {
            interface $Properties {
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ListNodesRequest.$Properties;
        }

        interface IListNodesResponse extends meshd.v1.ListNodesResponse.$Properties {
        }

        class ListNodesResponse {
            constructor(properties?: meshd.v1.ListNodesResponse.$Properties);
            $unknowns?: Uint8Array[];
            nodes: meshd.v1.Node[];
            static encode(message: meshd.v1.ListNodesResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ListNodesResponse & meshd.v1.ListNodesResponse.$Shape;
        }

        namespace ListNodesResponse {
            interface $Properties {
                nodes?: meshd.v1.Node.$Properties[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ListNodesResponse.$Properties;
        }

        interface INode extends meshd.v1.Node.$Properties {
        }

        class Node {
            constructor(properties?: meshd.v1.Node.$Properties);
            $unknowns?: Uint8Array[];
            name: string;
            address: string;
            state: string;
            version: (string|null);
            isSelf: boolean;
            incarnation: number;
            services: number;
            converged: (boolean|null);
            path: (meshd.v1.Path|null);
            static encode(message: meshd.v1.Node.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.Node & meshd.v1.Node.$Shape;
        }

        namespace Node {
            interface $Properties {
                name?: string;
                address?: string;
                state?: string;
                version?: (string|null);
                isSelf?: boolean;
                incarnation?: number;
                services?: number;
                converged?: (boolean|null);
                path?: (meshd.v1.Path.$Properties|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.Node.$Properties;
        }

        interface IPath extends meshd.v1.Path.$Properties {
        }

        class Path {
            constructor(properties?: meshd.v1.Path.$Properties);
            $unknowns?: Uint8Array[];
            node: string;
            verdict: string;
            family: (number|null);
            mtu: number;
            peerMtu: (number|null);
            rttMs: (number|null);
            sent: number;
            lost: number;
            smallLoss: number;
            largeLoss: number;
            smallAgeMs: (number|null);
            largeAgeMs: (number|null);
            static encode(message: meshd.v1.Path.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.Path & meshd.v1.Path.$Shape;
        }

        namespace Path {
            interface $Properties {
                node?: string;
                verdict?: string;
                family?: (number|null);
                mtu?: number;
                peerMtu?: (number|null);
                rttMs?: (number|null);
                sent?: number;
                lost?: number;
                smallLoss?: number;
                largeLoss?: number;
                smallAgeMs?: (number|null);
                largeAgeMs?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.Path.$Properties;
        }

        interface IGetMeshStatusRequest extends meshd.v1.GetMeshStatusRequest.$Properties {
        }

        class GetMeshStatusRequest {
            constructor(properties?: meshd.v1.GetMeshStatusRequest.$Properties);
            $unknowns?: Uint8Array[];
            static encode(message: meshd.v1.GetMeshStatusRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.GetMeshStatusRequest & meshd.v1.GetMeshStatusRequest.$Shape;
        }

        namespace GetMeshStatusRequest {
            interface $Properties {
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.GetMeshStatusRequest.$Properties;
        }

        interface IMeshStatus extends meshd.v1.MeshStatus.$Properties {
        }

        class MeshStatus {
            constructor(properties?: meshd.v1.MeshStatus.$Properties);
            $unknowns?: Uint8Array[];
            node: string;
            address: string;
            profile: string;
            label: string;
            key: (string|null);
            hasLeft: boolean;
            alive: number;
            suspect: number;
            failed: number;
            left: number;
            healthScore: number;
            version: number;
            lacking: string[];
            lagMs: number;
            lastLagMs: (number|null);
            unserved: string[];
            rows: number;
            rowBytes: number;
            sentBytesPerS: number;
            receivedBytesPerS: number;
            streamBytesPerS: number;
            conflicts: meshd.v1.ServiceConflict[];
            disputed: string[];
            queues: meshd.v1.Count[];
            counters: meshd.v1.Count[];
            static encode(message: meshd.v1.MeshStatus.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.MeshStatus & meshd.v1.MeshStatus.$Shape;
        }

        namespace MeshStatus {
            interface $Properties {
                node?: string;
                address?: string;
                profile?: string;
                label?: string;
                key?: (string|null);
                hasLeft?: boolean;
                alive?: number;
                suspect?: number;
                failed?: number;
                left?: number;
                healthScore?: number;
                version?: number;
                lacking?: string[];
                lagMs?: number;
                lastLagMs?: (number|null);
                unserved?: string[];
                rows?: number;
                rowBytes?: number;
                sentBytesPerS?: number;
                receivedBytesPerS?: number;
                streamBytesPerS?: number;
                conflicts?: meshd.v1.ServiceConflict.$Properties[];
                disputed?: string[];
                queues?: meshd.v1.Count.$Properties[];
                counters?: meshd.v1.Count.$Properties[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.MeshStatus.$Properties;
        }

        interface IServiceConflict extends meshd.v1.ServiceConflict.$Properties {
        }

        class ServiceConflict {
            constructor(properties?: meshd.v1.ServiceConflict.$Properties);
            $unknowns?: Uint8Array[];
            service: string;
            node: string;
            reason: string;
            static encode(message: meshd.v1.ServiceConflict.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ServiceConflict & meshd.v1.ServiceConflict.$Shape;
        }

        namespace ServiceConflict {
            interface $Properties {
                service?: string;
                node?: string;
                reason?: string;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ServiceConflict.$Properties;
        }

        interface ICount extends meshd.v1.Count.$Properties {
        }

        class Count {
            constructor(properties?: meshd.v1.Count.$Properties);
            $unknowns?: Uint8Array[];
            name: string;
            reason: (string|null);
            value: number;
            static encode(message: meshd.v1.Count.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.Count & meshd.v1.Count.$Shape;
        }

        namespace Count {
            interface $Properties {
                name?: string;
                reason?: (string|null);
                value?: number;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.Count.$Properties;
        }

        interface IForgetNodeRequest extends meshd.v1.ForgetNodeRequest.$Properties {
        }

        class ForgetNodeRequest {
            constructor(properties?: meshd.v1.ForgetNodeRequest.$Properties);
            $unknowns?: Uint8Array[];
            node: string;
            static encode(message: meshd.v1.ForgetNodeRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ForgetNodeRequest & meshd.v1.ForgetNodeRequest.$Shape;
        }

        namespace ForgetNodeRequest {
            interface $Properties {
                node?: string;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ForgetNodeRequest.$Properties;
        }

        interface IForgetNodeResponse extends meshd.v1.ForgetNodeResponse.$Properties {
        }

        class ForgetNodeResponse {
            constructor(properties?: meshd.v1.ForgetNodeResponse.$Properties);
            $unknowns?: Uint8Array[];
            static encode(message: meshd.v1.ForgetNodeResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ForgetNodeResponse & meshd.v1.ForgetNodeResponse.$Shape;
        }

        namespace ForgetNodeResponse {
            interface $Properties {
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ForgetNodeResponse.$Properties;
        }

        interface ILeaveMeshRequest extends meshd.v1.LeaveMeshRequest.$Properties {
        }

        class LeaveMeshRequest {
            constructor(properties?: meshd.v1.LeaveMeshRequest.$Properties);
            $unknowns?: Uint8Array[];
            static encode(message: meshd.v1.LeaveMeshRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.LeaveMeshRequest & meshd.v1.LeaveMeshRequest.$Shape;
        }

        namespace LeaveMeshRequest {
            interface $Properties {
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.LeaveMeshRequest.$Properties;
        }

        interface ILeaveMeshResponse extends meshd.v1.LeaveMeshResponse.$Properties {
        }

        class LeaveMeshResponse {
            constructor(properties?: meshd.v1.LeaveMeshResponse.$Properties);
            $unknowns?: Uint8Array[];
            static encode(message: meshd.v1.LeaveMeshResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.LeaveMeshResponse & meshd.v1.LeaveMeshResponse.$Shape;
        }

        namespace LeaveMeshResponse {
            interface $Properties {
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.LeaveMeshResponse.$Properties;
        }

        interface IChangeKeysRequest extends meshd.v1.ChangeKeysRequest.$Properties {
        }

        class ChangeKeysRequest {
            constructor(properties?: meshd.v1.ChangeKeysRequest.$Properties);
            $unknowns?: Uint8Array[];
            action: string;
            key: (string|null);
            fingerprint: (string|null);
            static encode(message: meshd.v1.ChangeKeysRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ChangeKeysRequest & meshd.v1.ChangeKeysRequest.$Shape;
        }

        namespace ChangeKeysRequest {
            interface $Properties {
                action?: string;
                key?: (string|null);
                fingerprint?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ChangeKeysRequest.$Properties;
        }

        interface IChangeKeysResponse extends meshd.v1.ChangeKeysResponse.$Properties {
        }

        class ChangeKeysResponse {
            constructor(properties?: meshd.v1.ChangeKeysResponse.$Properties);
            $unknowns?: Uint8Array[];
            nodes: meshd.v1.NodeKeys[];
            static encode(message: meshd.v1.ChangeKeysResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ChangeKeysResponse & meshd.v1.ChangeKeysResponse.$Shape;
        }

        namespace ChangeKeysResponse {
            interface $Properties {
                nodes?: meshd.v1.NodeKeys.$Properties[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ChangeKeysResponse.$Properties;
        }

        interface INodeKeys extends meshd.v1.NodeKeys.$Properties {
        }

        class NodeKeys {
            constructor(properties?: meshd.v1.NodeKeys.$Properties);
            $unknowns?: Uint8Array[];
            node: string;
            fingerprints: string[];
            problem: (string|null);
            static encode(message: meshd.v1.NodeKeys.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.NodeKeys & meshd.v1.NodeKeys.$Shape;
        }

        namespace NodeKeys {
            interface $Properties {
                node?: string;
                fingerprints?: string[];
                problem?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.NodeKeys.$Properties;
        }

        interface ICompareCatalogRequest extends meshd.v1.CompareCatalogRequest.$Properties {
        }

        class CompareCatalogRequest {
            constructor(properties?: meshd.v1.CompareCatalogRequest.$Properties);
            $unknowns?: Uint8Array[];
            node: string;
            static encode(message: meshd.v1.CompareCatalogRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.CompareCatalogRequest & meshd.v1.CompareCatalogRequest.$Shape;
        }

        namespace CompareCatalogRequest {
            interface $Properties {
                node?: string;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.CompareCatalogRequest.$Properties;
        }

        interface ICompareCatalogResponse extends meshd.v1.CompareCatalogResponse.$Properties {
        }

        class CompareCatalogResponse {
            constructor(properties?: meshd.v1.CompareCatalogResponse.$Properties);
            $unknowns?: Uint8Array[];
            differences: meshd.v1.RowDifference[];
            static encode(message: meshd.v1.CompareCatalogResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.CompareCatalogResponse & meshd.v1.CompareCatalogResponse.$Shape;
        }

        namespace CompareCatalogResponse {
            interface $Properties {
                differences?: meshd.v1.RowDifference.$Properties[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.CompareCatalogResponse.$Properties;
        }

        interface IRowDifference extends meshd.v1.RowDifference.$Properties {
        }

        class RowDifference {
            constructor(properties?: meshd.v1.RowDifference.$Properties);
            $unknowns?: Uint8Array[];
            owner: string;
            key: string;
            network: string;
            here: (string|null);
            there: (string|null);
            static encode(message: meshd.v1.RowDifference.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.RowDifference & meshd.v1.RowDifference.$Shape;
        }

        namespace RowDifference {
            interface $Properties {
                owner?: string;
                key?: string;
                network?: string;
                here?: (string|null);
                there?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.RowDifference.$Properties;
        }

        interface IGetConvergenceRequest extends meshd.v1.GetConvergenceRequest.$Properties {
        }

        class GetConvergenceRequest {
            constructor(properties?: meshd.v1.GetConvergenceRequest.$Properties);
            $unknowns?: Uint8Array[];
            version: (number|null);
            static encode(message: meshd.v1.GetConvergenceRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.GetConvergenceRequest & meshd.v1.GetConvergenceRequest.$Shape;
        }

        namespace GetConvergenceRequest {
            interface $Properties {
                version?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.GetConvergenceRequest.$Properties;
        }

        interface IConvergence extends meshd.v1.Convergence.$Properties {
        }

        class Convergence {
            constructor(properties?: meshd.v1.Convergence.$Properties);
            $unknowns?: Uint8Array[];
            version: number;
            have: string[];
            lack: string[];
            static encode(message: meshd.v1.Convergence.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.Convergence & meshd.v1.Convergence.$Shape;
        }

        namespace Convergence {
            interface $Properties {
                version?: number;
                have?: string[];
                lack?: string[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.Convergence.$Properties;
        }

        interface IListNetworksRequest extends meshd.v1.ListNetworksRequest.$Properties {
        }

        class ListNetworksRequest {
            constructor(properties?: meshd.v1.ListNetworksRequest.$Properties);
            $unknowns?: Uint8Array[];
            static encode(message: meshd.v1.ListNetworksRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ListNetworksRequest & meshd.v1.ListNetworksRequest.$Shape;
        }

        namespace ListNetworksRequest {
            interface $Properties {
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ListNetworksRequest.$Properties;
        }

        interface IListNetworksResponse extends meshd.v1.ListNetworksResponse.$Properties {
        }

        class ListNetworksResponse {
            constructor(properties?: meshd.v1.ListNetworksResponse.$Properties);
            $unknowns?: Uint8Array[];
            networks: meshd.v1.Network[];
            static encode(message: meshd.v1.ListNetworksResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ListNetworksResponse & meshd.v1.ListNetworksResponse.$Shape;
        }

        namespace ListNetworksResponse {
            interface $Properties {
                networks?: meshd.v1.Network.$Properties[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ListNetworksResponse.$Properties;
        }

        interface INetwork extends meshd.v1.Network.$Properties {
        }

        class Network {
            constructor(properties?: meshd.v1.Network.$Properties);
            $unknowns?: Uint8Array[];
            name: string;
            vni: number;
            subnets: string[];
            port: number;
            mtu: number;
            nodes: string[];
            endpoints: meshd.v1.NetworkEndpoint[];
            problem: (string|null);
            internal: boolean;
            sealed: boolean;
            static encode(message: meshd.v1.Network.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.Network & meshd.v1.Network.$Shape;
        }

        namespace Network {
            interface $Properties {
                name?: string;
                vni?: number;
                subnets?: string[];
                port?: number;
                mtu?: number;
                nodes?: string[];
                endpoints?: meshd.v1.NetworkEndpoint.$Properties[];
                problem?: (string|null);
                internal?: boolean;
                sealed?: boolean;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.Network.$Properties;
        }

        interface INetworkEndpoint extends meshd.v1.NetworkEndpoint.$Properties {
        }

        class NetworkEndpoint {
            constructor(properties?: meshd.v1.NetworkEndpoint.$Properties);
            $unknowns?: Uint8Array[];
            name: string;
            network: string;
            node: string;
            addresses: string[];
            mac: string;
            sandbox: (string|null);
            services: { [k: string]: number };
            isEntry: boolean;
            static encode(message: meshd.v1.NetworkEndpoint.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.NetworkEndpoint & meshd.v1.NetworkEndpoint.$Shape;
        }

        namespace NetworkEndpoint {
            interface $Properties {
                name?: string;
                network?: string;
                node?: string;
                addresses?: string[];
                mac?: string;
                sandbox?: (string|null);
                services?: { [k: string]: number };
                isEntry?: boolean;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.NetworkEndpoint.$Properties;
        }

        interface ICreateNetworkRequest extends meshd.v1.CreateNetworkRequest.$Properties {
        }

        class CreateNetworkRequest {
            constructor(properties?: meshd.v1.CreateNetworkRequest.$Properties);
            $unknowns?: Uint8Array[];
            name: string;
            vni: (number|null);
            subnets: string[];
            port: (number|null);
            mtu: (number|null);
            internal: boolean;
            sealed: boolean;
            static encode(message: meshd.v1.CreateNetworkRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.CreateNetworkRequest & meshd.v1.CreateNetworkRequest.$Shape;
        }

        namespace CreateNetworkRequest {
            interface $Properties {
                name?: string;
                vni?: (number|null);
                subnets?: string[];
                port?: (number|null);
                mtu?: (number|null);
                internal?: boolean;
                sealed?: boolean;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.CreateNetworkRequest.$Properties;
        }

        interface IRemoveNetworkRequest extends meshd.v1.RemoveNetworkRequest.$Properties {
        }

        class RemoveNetworkRequest {
            constructor(properties?: meshd.v1.RemoveNetworkRequest.$Properties);
            $unknowns?: Uint8Array[];
            name: string;
            static encode(message: meshd.v1.RemoveNetworkRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.RemoveNetworkRequest & meshd.v1.RemoveNetworkRequest.$Shape;
        }

        namespace RemoveNetworkRequest {
            interface $Properties {
                name?: string;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.RemoveNetworkRequest.$Properties;
        }

        interface IRemoveNetworkResponse extends meshd.v1.RemoveNetworkResponse.$Properties {
        }

        class RemoveNetworkResponse {
            constructor(properties?: meshd.v1.RemoveNetworkResponse.$Properties);
            $unknowns?: Uint8Array[];
            static encode(message: meshd.v1.RemoveNetworkResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.RemoveNetworkResponse & meshd.v1.RemoveNetworkResponse.$Shape;
        }

        namespace RemoveNetworkResponse {
            interface $Properties {
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.RemoveNetworkResponse.$Properties;
        }

        interface IRotateNetworkKeysRequest extends meshd.v1.RotateNetworkKeysRequest.$Properties {
        }

        class RotateNetworkKeysRequest {
            constructor(properties?: meshd.v1.RotateNetworkKeysRequest.$Properties);
            $unknowns?: Uint8Array[];
            static encode(message: meshd.v1.RotateNetworkKeysRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.RotateNetworkKeysRequest & meshd.v1.RotateNetworkKeysRequest.$Shape;
        }

        namespace RotateNetworkKeysRequest {
            interface $Properties {
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.RotateNetworkKeysRequest.$Properties;
        }

        interface IRotateNetworkKeysResponse extends meshd.v1.RotateNetworkKeysResponse.$Properties {
        }

        class RotateNetworkKeysResponse {
            constructor(properties?: meshd.v1.RotateNetworkKeysResponse.$Properties);
            $unknowns?: Uint8Array[];
            generation: number;
            static encode(message: meshd.v1.RotateNetworkKeysResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.RotateNetworkKeysResponse & meshd.v1.RotateNetworkKeysResponse.$Shape;
        }

        namespace RotateNetworkKeysResponse {
            interface $Properties {
                generation?: number;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.RotateNetworkKeysResponse.$Properties;
        }

        interface IAttachEndpointRequest extends meshd.v1.AttachEndpointRequest.$Properties {
        }

        class AttachEndpointRequest {
            constructor(properties?: meshd.v1.AttachEndpointRequest.$Properties);
            $unknowns?: Uint8Array[];
            network: string;
            name: string;
            sandbox: string;
            services: { [k: string]: number };
            static encode(message: meshd.v1.AttachEndpointRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.AttachEndpointRequest & meshd.v1.AttachEndpointRequest.$Shape;
        }

        namespace AttachEndpointRequest {
            interface $Properties {
                network?: string;
                name?: string;
                sandbox?: string;
                services?: { [k: string]: number };
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.AttachEndpointRequest.$Properties;
        }

        interface ISetEndpointRequest extends meshd.v1.SetEndpointRequest.$Properties {
        }

        class SetEndpointRequest {
            constructor(properties?: meshd.v1.SetEndpointRequest.$Properties);
            $unknowns?: Uint8Array[];
            network: string;
            endpoint: string;
            services: { [k: string]: number };
            static encode(message: meshd.v1.SetEndpointRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.SetEndpointRequest & meshd.v1.SetEndpointRequest.$Shape;
        }

        namespace SetEndpointRequest {
            interface $Properties {
                network?: string;
                endpoint?: string;
                services?: { [k: string]: number };
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.SetEndpointRequest.$Properties;
        }

        interface ISetEndpointResponse extends meshd.v1.SetEndpointResponse.$Properties {
        }

        class SetEndpointResponse {
            constructor(properties?: meshd.v1.SetEndpointResponse.$Properties);
            $unknowns?: Uint8Array[];
            version: number;
            static encode(message: meshd.v1.SetEndpointResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.SetEndpointResponse & meshd.v1.SetEndpointResponse.$Shape;
        }

        namespace SetEndpointResponse {
            interface $Properties {
                version?: number;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.SetEndpointResponse.$Properties;
        }

        interface IGetEndpointRequest extends meshd.v1.GetEndpointRequest.$Properties {
        }

        class GetEndpointRequest {
            constructor(properties?: meshd.v1.GetEndpointRequest.$Properties);
            $unknowns?: Uint8Array[];
            network: string;
            endpoint: string;
            static encode(message: meshd.v1.GetEndpointRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.GetEndpointRequest & meshd.v1.GetEndpointRequest.$Shape;
        }

        namespace GetEndpointRequest {
            interface $Properties {
                network?: string;
                endpoint?: string;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.GetEndpointRequest.$Properties;
        }

        interface IGetEndpointResponse extends meshd.v1.GetEndpointResponse.$Properties {
        }

        class GetEndpointResponse {
            constructor(properties?: meshd.v1.GetEndpointResponse.$Properties);
            $unknowns?: Uint8Array[];
            endpoint: meshd.v1.NetworkEndpoint;
            connections: number;
            programmed: boolean;
            static encode(message: meshd.v1.GetEndpointResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.GetEndpointResponse & meshd.v1.GetEndpointResponse.$Shape;
        }

        namespace GetEndpointResponse {
            interface $Properties {
                endpoint?: meshd.v1.NetworkEndpoint.$Properties;
                connections?: number;
                programmed?: boolean;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.GetEndpointResponse.$Properties;
        }

        interface IDetachEndpointRequest extends meshd.v1.DetachEndpointRequest.$Properties {
        }

        class DetachEndpointRequest {
            constructor(properties?: meshd.v1.DetachEndpointRequest.$Properties);
            $unknowns?: Uint8Array[];
            network: string;
            endpoint: string;
            static encode(message: meshd.v1.DetachEndpointRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.DetachEndpointRequest & meshd.v1.DetachEndpointRequest.$Shape;
        }

        namespace DetachEndpointRequest {
            interface $Properties {
                network?: string;
                endpoint?: string;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.DetachEndpointRequest.$Properties;
        }

        interface IDetachEndpointResponse extends meshd.v1.DetachEndpointResponse.$Properties {
        }

        class DetachEndpointResponse {
            constructor(properties?: meshd.v1.DetachEndpointResponse.$Properties);
            $unknowns?: Uint8Array[];
            static encode(message: meshd.v1.DetachEndpointResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.DetachEndpointResponse & meshd.v1.DetachEndpointResponse.$Shape;
        }

        namespace DetachEndpointResponse {
            interface $Properties {
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.DetachEndpointResponse.$Properties;
        }

        interface IQueryNameRequest extends meshd.v1.QueryNameRequest.$Properties {
        }

        class QueryNameRequest {
            constructor(properties?: meshd.v1.QueryNameRequest.$Properties);
            $unknowns?: Uint8Array[];
            name: string;
            type: string;
            networks: string[];
            sandbox: (string|null);
            static encode(message: meshd.v1.QueryNameRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.QueryNameRequest & meshd.v1.QueryNameRequest.$Shape;
        }

        namespace QueryNameRequest {
            interface $Properties {
                name?: string;
                type?: string;
                networks?: string[];
                sandbox?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.QueryNameRequest.$Properties;
        }

        interface INameAnswer extends meshd.v1.NameAnswer.$Properties {
        }

        class NameAnswer {
            constructor(properties?: meshd.v1.NameAnswer.$Properties);
            $unknowns?: Uint8Array[];
            code: string;
            by: string;
            found: (meshd.v1.NameFound|null);
            reason: (string|null);
            records: meshd.v1.NameRecord[];
            static encode(message: meshd.v1.NameAnswer.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.NameAnswer & meshd.v1.NameAnswer.$Shape;
        }

        namespace NameAnswer {
            interface $Properties {
                code?: string;
                by?: string;
                found?: (meshd.v1.NameFound.$Properties|null);
                reason?: (string|null);
                records?: meshd.v1.NameRecord.$Properties[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.NameAnswer.$Properties;
        }

        interface INameFound extends meshd.v1.NameFound.$Properties {
        }

        class NameFound {
            constructor(properties?: meshd.v1.NameFound.$Properties);
            $unknowns?: Uint8Array[];
            kind: string;
            name: string;
            network: (string|null);
            static encode(message: meshd.v1.NameFound.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.NameFound & meshd.v1.NameFound.$Shape;
        }

        namespace NameFound {
            interface $Properties {
                kind?: string;
                name?: string;
                network?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.NameFound.$Properties;
        }

        interface INameRecord extends meshd.v1.NameRecord.$Properties {
        }

        class NameRecord {
            constructor(properties?: meshd.v1.NameRecord.$Properties);
            $unknowns?: Uint8Array[];
            name: string;
            ttlS: number;
            type: string;
            data: string;
            static encode(message: meshd.v1.NameRecord.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.NameRecord & meshd.v1.NameRecord.$Shape;
        }

        namespace NameRecord {
            interface $Properties {
                name?: string;
                ttlS?: number;
                type?: string;
                data?: string;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.NameRecord.$Properties;
        }

        interface IListNamesRequest extends meshd.v1.ListNamesRequest.$Properties {
        }

        class ListNamesRequest {
            constructor(properties?: meshd.v1.ListNamesRequest.$Properties);
            $unknowns?: Uint8Array[];
            networks: string[];
            static encode(message: meshd.v1.ListNamesRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.ListNamesRequest & meshd.v1.ListNamesRequest.$Shape;
        }

        namespace ListNamesRequest {
            interface $Properties {
                networks?: string[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.ListNamesRequest.$Properties;
        }

        interface INameList extends meshd.v1.NameList.$Properties {
        }

        class NameList {
            constructor(properties?: meshd.v1.NameList.$Properties);
            $unknowns?: Uint8Array[];
            records: meshd.v1.NameRecord[];
            static encode(message: meshd.v1.NameList.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.NameList & meshd.v1.NameList.$Shape;
        }

        namespace NameList {
            interface $Properties {
                records?: meshd.v1.NameRecord.$Properties[];
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.NameList.$Properties;
        }

        interface IGetNameStatsRequest extends meshd.v1.GetNameStatsRequest.$Properties {
        }

        class GetNameStatsRequest {
            constructor(properties?: meshd.v1.GetNameStatsRequest.$Properties);
            $unknowns?: Uint8Array[];
            static encode(message: meshd.v1.GetNameStatsRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.GetNameStatsRequest & meshd.v1.GetNameStatsRequest.$Shape;
        }

        namespace GetNameStatsRequest {
            interface $Properties {
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.GetNameStatsRequest.$Properties;
        }

        interface INameStats extends meshd.v1.NameStats.$Properties {
        }

        class NameStats {
            constructor(properties?: meshd.v1.NameStats.$Properties);
            $unknowns?: Uint8Array[];
            counts: meshd.v1.NameCount[];
            drops: meshd.v1.NameDrops;
            kept: number;
            listen: string[];
            sandboxes: number;
            upstreams: meshd.v1.NameUpstream[];
            isLogging: boolean;
            static encode(message: meshd.v1.NameStats.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.NameStats & meshd.v1.NameStats.$Shape;
        }

        namespace NameStats {
            interface $Properties {
                counts?: meshd.v1.NameCount.$Properties[];
                drops?: meshd.v1.NameDrops.$Properties;
                kept?: number;
                listen?: string[];
                sandboxes?: number;
                upstreams?: meshd.v1.NameUpstream.$Properties[];
                isLogging?: boolean;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.NameStats.$Properties;
        }

        interface INameCount extends meshd.v1.NameCount.$Properties {
        }

        class NameCount {
            constructor(properties?: meshd.v1.NameCount.$Properties);
            $unknowns?: Uint8Array[];
            type: string;
            code: string;
            by: string;
            queries: number;
            static encode(message: meshd.v1.NameCount.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.NameCount & meshd.v1.NameCount.$Shape;
        }

        namespace NameCount {
            interface $Properties {
                type?: string;
                code?: string;
                by?: string;
                queries?: number;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.NameCount.$Properties;
        }

        interface INameDrops extends meshd.v1.NameDrops.$Properties {
        }

        class NameDrops {
            constructor(properties?: meshd.v1.NameDrops.$Properties);
            $unknowns?: Uint8Array[];
            malformed: number;
            limited: number;
            oversized: number;
            overflow: number;
            unsent: number;
            static encode(message: meshd.v1.NameDrops.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.NameDrops & meshd.v1.NameDrops.$Shape;
        }

        namespace NameDrops {
            interface $Properties {
                malformed?: number;
                limited?: number;
                oversized?: number;
                overflow?: number;
                unsent?: number;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.NameDrops.$Properties;
        }

        interface INameUpstream extends meshd.v1.NameUpstream.$Properties {
        }

        class NameUpstream {
            constructor(properties?: meshd.v1.NameUpstream.$Properties);
            $unknowns?: Uint8Array[];
            address: string;
            silentMs: number;
            static encode(message: meshd.v1.NameUpstream.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.NameUpstream & meshd.v1.NameUpstream.$Shape;
        }

        namespace NameUpstream {
            interface $Properties {
                address?: string;
                silentMs?: number;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.NameUpstream.$Properties;
        }

        interface ILogNamesRequest extends meshd.v1.LogNamesRequest.$Properties {
        }

        class LogNamesRequest {
            constructor(properties?: meshd.v1.LogNamesRequest.$Properties);
            $unknowns?: Uint8Array[];
            on: (boolean|null);
            static encode(message: meshd.v1.LogNamesRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.LogNamesRequest & meshd.v1.LogNamesRequest.$Shape;
        }

        namespace LogNamesRequest {
            interface $Properties {
                on?: (boolean|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.LogNamesRequest.$Properties;
        }

        interface ILogNamesResponse extends meshd.v1.LogNamesResponse.$Properties {
        }

        class LogNamesResponse {
            constructor(properties?: meshd.v1.LogNamesResponse.$Properties);
            $unknowns?: Uint8Array[];
            isLogging: boolean;
            static encode(message: meshd.v1.LogNamesResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): meshd.v1.LogNamesResponse & meshd.v1.LogNamesResponse.$Shape;
        }

        namespace LogNamesResponse {
            interface $Properties {
                isLogging?: boolean;
                $unknowns?: Uint8Array[];
            }
            type $Shape = meshd.v1.LogNamesResponse.$Properties;
        }
    }
}
