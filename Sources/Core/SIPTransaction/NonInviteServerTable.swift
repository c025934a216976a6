import Primitives

/// The non-INVITE server transactions: thousands of them stand completed for timer J, so each is one slot of an array,
/// found by one look into one dictionary, and in one of two lists, unanswered or completed, in the order in which they
/// end: both wait for a constant time.
struct NonInviteServerTable: Sendable {
    struct Slot: Sendable {
        /// Zero when free.
        fileprivate(set) var id: UInt64
        fileprivate(set) var key: ServerTransactionKey
        let mergeKey: MergeKey?
        var machine: NonInviteServerTransaction
        /// Where responses go.
        let flow: SIPFlow
        /// What to send again; empty before the first response.
        fileprivate(set) var response: [UInt8] = []
        fileprivate var before = none
        fileprivate var after = none
        /// The next slot whose key has the same hash, of the same number by chance.
        fileprivate var sibling = none

        var sizeBytes: Int { MemoryLayout<Slot>.stride + key.sizeBytes + response.count }
    }
    private struct List: Sendable {
        var first = none
        var last = none
    }
    /// At most this many slots: their number is part of an id.
    static let capacity = 1 << 20

    private var slots: [Slot] = []
    private var free: [UInt32] = []
    private var index: [Int: UInt32] = [:]
    private var unanswered = List()
    private var completed = List()
    private(set) var count = 0
    /// What the slots in use take, with their keys and responses.
    private(set) var sizeBytes = 0

    /// True when there is a completed one, which may give way.
    var hasCompleted: Bool { completed.first != none }

    /// When the next one ends; nil when there is none.
    var nextDeadline: Instant? {
        switch (deadline(completed.first), deadline(unanswered.first)) {
        case (let left?, let right?): min(left, right)
        case (let left, let right): left ?? right
        }
    }

    subscript(position: Int) -> Slot {
        get { slots[position] }
        _modify { yield &slots[position] }
    }

    /// The slot of that id; nil when the transaction has ended or never was here.
    func position(of id: ServerTransactionID) -> Int? {
        let position = Int(id.value & UInt64(Self.capacity - 1))
        return id.value & isNonInvite != 0 && position < slots.count && slots[position].id == id.value ? position : nil
    }

    /// The slot of that key.
    func position(of key: ServerTransactionKey) -> Int? {
        var candidate = index[key.hash] ?? none
        while candidate != none {
            if slots[Int(candidate)].key == key { return Int(candidate) }
            candidate = slots[Int(candidate)].sibling
        }
        return nil
    }

    /// `sequence` grows with every call. The caller keeps `count` below `capacity`.
    mutating func insert(
        key: ServerTransactionKey, mergeKey: MergeKey?, machine: NonInviteServerTransaction, flow: SIPFlow,
        sequence: UInt64
    ) -> ServerTransactionID {
        let position = free.popLast() ?? UInt32(slots.count)
        let id = isNonInvite | sequence << UInt64(Self.capacity.trailingZeroBitCount) | UInt64(position)
        var slot = Slot(id: id, key: key, mergeKey: mergeKey, machine: machine, flow: flow)
        slot.sibling = index.updateValue(position, forKey: key.hash) ?? none
        count += 1
        sizeBytes += slot.sizeBytes
        if Int(position) == slots.count { slots.append(slot) } else { slots[Int(position)] = slot }
        Self.append(position, to: &unanswered, in: &slots)
        return ServerTransactionID(id)
    }

    /// Keeps the response that goes out, and waits for timer J once the machine has completed.
    mutating func remember(_ response: [UInt8], at position: Int) {
        sizeBytes += response.count - slots[position].response.count
        slots[position].response = response
        guard slots[position].machine.isCompleted else { return }
        Self.unlink(UInt32(position), from: &unanswered, in: &slots)
        Self.append(UInt32(position), to: &completed, in: &slots)
    }

    /// Frees the slot, and gives the key by which merged requests found it.
    mutating func remove(at position: Int, wasCompleted: Bool) -> MergeKey? {
        let slot = slots[position]
        if index[slot.key.hash] == UInt32(position) {
            index[slot.key.hash] = slot.sibling == none ? nil : slot.sibling
        } else {
            var candidate = index[slot.key.hash] ?? none
            while candidate != none, slots[Int(candidate)].sibling != UInt32(position) {
                candidate = slots[Int(candidate)].sibling
            }
            if candidate != none { slots[Int(candidate)].sibling = slot.sibling }
        }
        if wasCompleted {
            Self.unlink(UInt32(position), from: &completed, in: &slots)
        } else {
            Self.unlink(UInt32(position), from: &unanswered, in: &slots)
        }
        count -= 1
        sizeBytes -= slot.sizeBytes
        slots[position].id = 0
        slots[position].key = .none
        slots[position].response = []
        free.append(UInt32(position))
        return slot.mergeKey
    }

    /// The slot that ends first, if it ends by `now`, and whether it is a completed one.
    func due(at now: Instant) -> (position: Int, wasCompleted: Bool)? {
        if let due = deadline(completed.first), due <= now { return (Int(completed.first), true) }
        if let due = deadline(unanswered.first), due <= now { return (Int(unanswered.first), false) }
        return nil
    }

    /// The slot that has been completed for longest.
    var oldestCompleted: Int? { completed.first == none ? nil : Int(completed.first) }

    private func deadline(_ position: UInt32) -> Instant? {
        position == none ? nil : slots[Int(position)].machine.nextDeadline
    }

    private static func append(_ position: UInt32, to list: inout List, in slots: inout [Slot]) {
        slots[Int(position)].before = list.last
        slots[Int(position)].after = none
        if list.last == none { list.first = position } else { slots[Int(list.last)].after = position }
        list.last = position
    }

    private static func unlink(_ position: UInt32, from list: inout List, in slots: inout [Slot]) {
        let (before, after) = (slots[Int(position)].before, slots[Int(position)].after)
        if before == none { list.first = after } else { slots[Int(before)].after = after }
        if after == none { list.last = before } else { slots[Int(after)].before = before }
    }
}

/// No slot.
private let none = UInt32.max
/// Marks the ids of this table; those of INVITEs are small.
private let isNonInvite: UInt64 = 1 << 63
