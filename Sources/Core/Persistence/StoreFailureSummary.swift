extension StoreFailure {
    /// What went wrong and what to try, for an administrator; no content of the database.
    package var summary: String {
        switch self {
        case .diskFull: "no space is left; free some or enlarge the partition"
        case .readOnly: "the storage is read-only; look at its health and at the mount options"
        case .damaged(let reason): "the database is damaged (\(reason)); restart to fall back to the last good one"
        case .scrubPending(let reason):
            "it is committed, but erased bytes could not be wiped from the files yet (\(reason)); it is tried again"
        case .input(let reason): "input/output error (\(reason)); look at the storage's health"
        }
    }
}
