import type { AttributeLayout, MessageLayout, NestedForm } from './netlink-text.js';

/** Names as in linux/netfilter/nf_tables.h and nfnetlink.h. */
const data: NestedForm = {
  attributes: {
    1: ['NFTA_DATA_VALUE', 'bytes'],
    2: ['NFTA_DATA_VERDICT', { attributes: { 1: ['NFTA_VERDICT_CODE', 'u32be'] } }],
  },
};

const expressions: Readonly<Record<string, AttributeLayout>> = {
  meta: {
    1: ['NFTA_META_DREG', 'u32be'],
    2: ['NFTA_META_KEY', 'u32be'],
    3: ['NFTA_META_SREG', 'u32be'],
  },
  cmp: { 1: ['NFTA_CMP_SREG', 'u32be'], 2: ['NFTA_CMP_OP', 'u32be'], 3: ['NFTA_CMP_DATA', data] },
  payload: {
    1: ['NFTA_PAYLOAD_DREG', 'u32be'],
    2: ['NFTA_PAYLOAD_BASE', 'u32be'],
    3: ['NFTA_PAYLOAD_OFFSET', 'u32be'],
    4: ['NFTA_PAYLOAD_LEN', 'u32be'],
  },
  ct: {
    1: ['NFTA_CT_DREG', 'u32be'],
    2: ['NFTA_CT_KEY', 'u32be'],
    3: ['NFTA_CT_DIRECTION', 'u8'],
    4: ['NFTA_CT_SREG', 'u32be'],
  },
  lookup: {
    1: ['NFTA_LOOKUP_SET', 'text'],
    2: ['NFTA_LOOKUP_SREG', 'u32be'],
    3: ['NFTA_LOOKUP_DREG', 'u32be'],
    5: ['NFTA_LOOKUP_FLAGS', 'u32be'],
  },
  bitwise: {
    1: ['NFTA_BITWISE_SREG', 'u32be'],
    2: ['NFTA_BITWISE_DREG', 'u32be'],
    3: ['NFTA_BITWISE_LEN', 'u32be'],
    4: ['NFTA_BITWISE_MASK', data],
    5: ['NFTA_BITWISE_XOR', data],
  },
  byteorder: {
    1: ['NFTA_BYTEORDER_SREG', 'u32be'],
    2: ['NFTA_BYTEORDER_DREG', 'u32be'],
    3: ['NFTA_BYTEORDER_OP', 'u32be'],
    4: ['NFTA_BYTEORDER_LEN', 'u32be'],
    5: ['NFTA_BYTEORDER_SIZE', 'u32be'],
  },
  immediate: { 1: ['NFTA_IMMEDIATE_DREG', 'u32be'], 2: ['NFTA_IMMEDIATE_DATA', data] },
  fib: {
    1: ['NFTA_FIB_DREG', 'u32be'],
    2: ['NFTA_FIB_RESULT', 'u32be'],
    3: ['NFTA_FIB_FLAGS', 'u32be'],
  },
  rt: { 1: ['NFTA_RT_DREG', 'u32be'], 2: ['NFTA_RT_KEY', 'u32be'] },
  exthdr: {
    2: ['NFTA_EXTHDR_TYPE', 'u8'],
    3: ['NFTA_EXTHDR_OFFSET', 'u32be'],
    4: ['NFTA_EXTHDR_LEN', 'u32be'],
    6: ['NFTA_EXTHDR_OP', 'u32be'],
    7: ['NFTA_EXTHDR_SREG', 'u32be'],
  },
};

const expression: NestedForm = {
  attributes: {
    1: ['NFTA_EXPR_NAME', 'text'],
    2: [
      'NFTA_EXPR_DATA',
      (siblings) => {
        const name = siblings.get(1)?.toString().replace('\0', '') ?? '';
        return { attributes: expressions[name] ?? {} };
      },
    ],
  },
};

const element: NestedForm = {
  attributes: {
    1: ['NFTA_SET_ELEM_KEY', data],
    2: ['NFTA_SET_ELEM_DATA', data],
    3: ['NFTA_SET_ELEM_FLAGS', 'u32be'],
    10: ['NFTA_SET_ELEM_KEY_END', data],
  },
};

const tableAttributes: AttributeLayout = { 1: ['NFTA_TABLE_NAME', 'text'] };
const chainAttributes: AttributeLayout = {
  1: ['NFTA_CHAIN_TABLE', 'text'],
  3: ['NFTA_CHAIN_NAME', 'text'],
  4: [
    'NFTA_CHAIN_HOOK',
    { attributes: { 1: ['NFTA_HOOK_HOOKNUM', 'u32be'], 2: ['NFTA_HOOK_PRIORITY', 'u32be'] } },
  ],
  5: ['NFTA_CHAIN_POLICY', 'u32be'],
  7: ['NFTA_CHAIN_TYPE', 'text'],
};
const ruleAttributes: AttributeLayout = {
  1: ['NFTA_RULE_TABLE', 'text'],
  2: ['NFTA_RULE_CHAIN', 'text'],
  4: ['NFTA_RULE_EXPRESSIONS', { attributes: { 1: ['NFTA_LIST_ELEM', expression] } }],
  7: ['NFTA_RULE_USERDATA', 'bytes'],
};
const setAttributes: AttributeLayout = {
  1: ['NFTA_SET_TABLE', 'text'],
  2: ['NFTA_SET_NAME', 'text'],
  3: ['NFTA_SET_FLAGS', 'u32be'],
  4: ['NFTA_SET_KEY_TYPE', 'u32be'],
  5: ['NFTA_SET_KEY_LEN', 'u32be'],
  6: ['NFTA_SET_DATA_TYPE', 'u32be'],
  7: ['NFTA_SET_DATA_LEN', 'u32be'],
  9: [
    'NFTA_SET_DESC',
    {
      attributes: {
        2: [
          'NFTA_SET_DESC_CONCAT',
          {
            attributes: {
              1: ['NFTA_LIST_ELEM', { attributes: { 1: ['NFTA_SET_FIELD_LEN', 'u32be'] } }],
            },
          },
        ],
      },
    },
  ],
  10: ['NFTA_SET_ID', 'u32be'],
  13: ['NFTA_SET_USERDATA', 'bytes'],
};
const elementsAttributes: AttributeLayout = {
  1: ['NFTA_SET_ELEM_LIST_TABLE', 'text'],
  2: ['NFTA_SET_ELEM_LIST_SET', 'text'],
  3: ['NFTA_SET_ELEM_LIST_ELEMENTS', { attributes: { 1: ['NFTA_LIST_ELEM', element] } }],
};

/** Message types come in threes: NEW, GET, DEL of one kind. */
const kinds = [tableAttributes, chainAttributes, ruleAttributes, setAttributes, elementsAttributes];

export const nftablesLayout: MessageLayout = {
  types: {
    0x10: 'NFNL_MSG_BATCH_BEGIN',
    0x11: 'NFNL_MSG_BATCH_END',
    0xa00: 'NFT_MSG_NEWTABLE',
    0xa01: 'NFT_MSG_GETTABLE',
    0xa02: 'NFT_MSG_DELTABLE',
    0xa03: 'NFT_MSG_NEWCHAIN',
    0xa04: 'NFT_MSG_GETCHAIN',
    0xa06: 'NFT_MSG_NEWRULE',
    0xa07: 'NFT_MSG_GETRULE',
    0xa09: 'NFT_MSG_NEWSET',
    0xa0a: 'NFT_MSG_GETSET',
    0xa0c: 'NFT_MSG_NEWSETELEM',
    0xa0d: 'NFT_MSG_GETSETELEM',
    0xa0e: 'NFT_MSG_DELSETELEM',
    0xa10: 'NFT_MSG_GETGEN',
  },
  header: () => [
    ['family', 'u8'],
    ['version', 'u8'],
    ['resource', 'u16be'],
  ],
  attributes: (type) => kinds[Math.floor((type - 0xa00) / 3)] ?? {},
};
